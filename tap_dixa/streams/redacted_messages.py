"""Messages that lost their text or files one by one, without their conversation.

The one trace that Dixa documents is an entry of the activity log, which has no filter but time.
It names the message, and not when it was created: the message itself says that.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar

import msgspec

from tap_dixa.download.spool import Spool, key_decoder
from tap_dixa.errors import (
    ForbiddenError,
    NotFoundError,
    RefusedError,
    RetriesExhaustedError,
)
from tap_dixa.streams.activity_logs import ActivityLogsStream
from tap_dixa.streams.anonymized import TOLERANCE
from tap_dixa.streams.dixa_api import DixaApiStream, as_array
from tap_dixa.timestamps import EARLIEST, LATEST, parse_record_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_dixa.client import DixaStream
    from tap_dixa.download.windows import Window
    from tap_dixa.retries import Retries

    Span = tuple[int, int]

_TYPE = "ConversationMessageRedacted"
_MOST_REQUESTS = 300
"""Of more conversations than this, all messages are looked for: a request to each one, at nine a
second, would take longer than exporting years."""
_TOO_LARGE = 1 << 63
_EVER = (EARLIEST, LATEST)
_NULL = msgspec.Raw(b"null")
_KEYS = key_decoder("time", {"conversation": int})


class _Entry(msgspec.Struct):
    """An entry of the log, whatever Dixa sends."""

    conversation: msgspec.Raw = msgspec.field(default=_NULL, name="conversationId")
    time: msgspec.Raw = msgspec.field(default=_NULL, name="activityTimestamp")
    type: msgspec.Raw = msgspec.field(default=_NULL, name="_type")
    older_type: msgspec.Raw = msgspec.field(default=_NULL, name="activityType")
    attributes: msgspec.Raw = _NULL

    @property
    def is_redaction(self) -> bool:
        """Whether a message was redacted."""
        types = (_text(self.type), _text(self.older_type))
        return any(text is not None and text.startswith(_TYPE) for text in types)


class _Attributes(msgspec.Struct):
    message: str = msgspec.field(name="messageId")


class _Redaction(msgspec.Struct):
    time: int
    conversation: int
    message: str | None


class _Message(msgspec.Struct):
    id: msgspec.Raw = _NULL
    created: msgspec.Raw = msgspec.field(default=_NULL, name="createdAt")


class ConversationMessages(DixaApiStream):
    """Reads the messages of a conversation from the Dixa API. Not a stream of its own."""

    name = "messages"
    path = "/v1/conversations/{csid}/messages"
    primary_keys = ("id",)
    row_type: ClassVar = msgspec.Raw


class RedactedMessages:
    """Finds the messages that were redacted one by one.

    Args:
        stream: The stream that needs them.
    """

    def __init__(self, stream: DixaStream) -> None:
        self._stream = stream
        self._log = stream.another(ActivityLogsStream)
        self._messages = stream.another(ConversationMessages)
        self._has_access = True

    def find(self, windows: list[Window]) -> Iterator[tuple[int, Span | None]]:
        """Yield the id of a conversation with a half-open interval in which its messages changed.

        A token that may not read the log finds none, with a warning.

        Args:
            windows: When they were redacted.

        Returns:
            The intervals are in Unix ms, a little longer than they must be. None instead of one
            means that Dixa does not say when.

        Raises:
            RefusedError: Dixa refuses a request.
            RetriesExhaustedError: A request failed in all of its attempts.
        """
        redacted = self._redacted(windows)
        many, available = len(redacted) > _MOST_REQUESTS, True
        for conversation, messages in redacted.items():
            spans: list[Span | None] = [_EVER if many else None]
            if available and not many:
                try:
                    spans = self._spans(conversation, messages)
                except RetriesExhaustedError:
                    available = False  # all messages are looked for anyway
            for span in spans:
                yield conversation, span

    def _redacted(self, windows: list[Window]) -> dict[int, set[str | None]]:
        found: dict[int, set[str | None]] = {}
        if not self._has_access:
            return found
        decoder = msgspec.json.Decoder(_Redaction)
        try:
            for spool in self._log.fetch(windows, self._download):
                for redaction in self._log.emit(spool, decoder.decode):
                    found.setdefault(redaction.conversation, set()).add(redaction.message)
        except (ForbiddenError, NotFoundError) as error:
            if self._log.any_page_read:
                raise  # the token had access: what follows would be missing silently
            self._has_access = False
            self._stream.log(
                "%s: messages that were redacted one by one are not refreshed: %s",
                self._stream.name,
                error,
                level=logging.WARNING,
            )
        return found

    def _download(self, window: Window, retries: Retries) -> Spool:
        # Filtered as the pages come: of a page of 20 MB, nothing is left in most runs.
        entries = self._log.entries(window, retries)
        return Spool(as_array(self._redactions(entries, window)), window, _KEYS)

    def _redactions(self, entries: Iterable[msgspec.Raw], window: Window) -> Iterator[bytes]:
        lost = 0
        for raw in entries:
            try:
                entry = msgspec.json.decode(raw, type=_Entry)
            except msgspec.DecodeError:
                continue  # it is no object, so it is of no type
            if not entry.is_redaction:
                continue
            conversation = conversation_id(entry.conversation)
            if conversation is None:
                lost += 1
                continue
            try:
                message = msgspec.json.decode(entry.attributes, type=_Attributes).message
            except msgspec.DecodeError:
                message = None
            time = _time(entry.time)
            redaction = _Redaction(window.start if time is None else time, conversation, message)
            yield msgspec.json.encode(redaction)
        if lost:
            self._stream.log(
                "%s: %d redacted messages have no usable conversationId and are not refreshed",
                self._stream.name,
                lost,
                level=logging.WARNING,
            )

    def _spans(self, conversation: int, messages: set[str | None]) -> list[Span | None]:
        """Find when the messages of a conversation were created.

        Args:
            conversation: Its id.
            messages: Their ids, and None for all of the conversation.
        """
        try:
            rows = self._messages.request_records({"csid": conversation})
            found = [msgspec.json.decode(row, type=_Message) for row in rows]
        except (RefusedError, msgspec.DecodeError):
            return [None]
        times = {_text(message.id): _time(message.created) for message in found}
        if None in messages:
            known = [time for time in times.values() if time is not None]
            if not known or len(known) < len(found):
                return [None]
            return [(min(known) - TOLERANCE, max(known) + TOLERANCE)]
        wanted = [times.get(message) for message in messages]
        if None in wanted:
            return [None]
        return [(time - TOLERANCE, time + TOLERANCE) for time in wanted if time is not None]


def conversation_id(raw: msgspec.Raw) -> int | None:
    """Read a conversation's id, however a number is written; None if it is none."""
    text = bytes(raw).strip(b'"')
    try:
        number = int(text)
    except ValueError:
        try:
            fraction = float(text)
        except ValueError:
            return None
        if not fraction.is_integer():
            return None
        number = int(fraction)
    return number if abs(number) < _TOO_LARGE else None


def _text(raw: msgspec.Raw) -> str | None:
    try:
        return msgspec.json.decode(raw, type=str)
    except msgspec.DecodeError:
        return None


def _time(raw: msgspec.Raw) -> int | None:
    try:
        return parse_record_time(msgspec.json.decode(raw, type=str))
    except (msgspec.DecodeError, OverflowError, ValueError):
        return None

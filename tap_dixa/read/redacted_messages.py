"""Find the conversations of messages that were redacted one by one.

The one trace that Dixa documents is an entry of the activity log, which has no filter but time.
It does not say when the message was created: the export of its conversation does, roughly.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import msgspec

from tap_dixa.download.spool import Spool, key_decoder
from tap_dixa.errors import ForbiddenError, NotFoundError
from tap_dixa.read.lists import as_array
from tap_dixa.read.window_reader import WindowReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_dixa.download.windows import Window
    from tap_dixa.http.retries import Retries
    from tap_dixa.read.activity_log import ActivityLogSource

_TYPE = b'"ConversationMessageRedacted'
_LARGEST = (1 << 63) - 1
_NULL = msgspec.Raw(b"null")


class _Entry(msgspec.Struct):
    """An entry of the log, whatever Dixa sends."""

    conversation: msgspec.Raw = msgspec.field(default=_NULL, name="conversationId")
    type: msgspec.Raw = msgspec.field(default=_NULL, name="_type")
    older_type: msgspec.Raw = msgspec.field(default=_NULL, name="activityType")

    @property
    def is_redaction(self) -> bool:
        """Whether a message was redacted."""
        return any(bytes(raw).startswith(_TYPE) for raw in (self.type, self.older_type))


class _Redaction(msgspec.Struct):
    time: int
    conversation: int


_REDACTION = msgspec.json.Decoder(_Redaction)
_KEYS = key_decoder("time", {"conversation": int})


class RedactedMessages:
    """Searches the activity log for redacted messages.

    Args:
        source: The log.
        stream: The name of the stream that needs them, for a warning.
    """

    def __init__(self, source: ActivityLogSource, stream: str) -> None:
        self._source = source
        self._stream = stream
        self._reader = WindowReader(source.client, self._download)
        self._has_access = True

    def conversations(self, window: Window) -> set[int]:
        """Search for the conversations of messages that were redacted in a window.

        A token that may not read the log finds none, with a warning.

        Raises:
            RefusedError: Dixa refuses a request.
            RetriesExhaustedError: A request failed in all of its attempts.
        """
        if not self._has_access:
            return set()
        try:
            redactions = self._reader.decoded([window], _REDACTION)
            return {redaction.conversation for redaction in redactions}
        except (ForbiddenError, NotFoundError) as error:
            if self._source.list.answered:
                raise  # the token had access: what follows would be missing silently
            self._has_access = False
            self._source.client.warn(
                "%s: messages that were redacted one by one are not refreshed: %s",
                self._stream,
                error,
            )
            return set()

    def _download(self, window: Window, retries: Retries) -> Spool:
        # Filtered as the pages come: of a page of 20 MB, nothing is left in most runs.
        return Spool(as_array(self._redactions(window, retries)), window, _KEYS)

    def _redactions(self, window: Window, retries: Retries) -> Iterator[bytes]:
        lost = 0
        for raw in self._source.entries(window, retries):
            try:
                entry = msgspec.json.decode(raw, type=_Entry)
            except msgspec.DecodeError:
                continue  # it is no object, so it is of no type
            if not entry.is_redaction:
                continue
            conversation = conversation_id(entry.conversation)
            if conversation is None:
                lost += 1
            else:
                yield msgspec.json.encode(_Redaction(window.start, conversation))
        if lost:
            self._source.client.warn(
                "%s: %d redacted messages have no usable conversationId and are not refreshed",
                self._source.client.stream,
                lost,
            )


def conversation_id(raw: msgspec.Raw) -> int | None:
    """Read a conversation's id, however a number is written; None if it is none."""
    try:
        number = Decimal(bytes(raw).strip(b'"').decode())
    except (InvalidOperation, UnicodeDecodeError):
        return None
    if not number.is_finite() or abs(number) > _LARGEST or number % 1:
        return None
    return int(number)

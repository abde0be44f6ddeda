"""Find the conversations of messages that were redacted one by one.

The one trace that Dixa documents is an entry of the activity log, which has no filter but time.
It does not say when the message was created: the export of its conversation does, roughly.
"""

from __future__ import annotations

import logging
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import msgspec
from typing_extensions import override

from tap_dixa.download.spool import Spool, key_decoder
from tap_dixa.errors import ForbiddenError, NotFoundError
from tap_dixa.streams.activity_logs import ActivityLogsStream
from tap_dixa.streams.dixa_api import as_array

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_dixa.download.windows import Window
    from tap_dixa.retries import Retries

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


class RedactedMessages(ActivityLogsStream):
    """Searches the activity log for redacted messages. Not a stream of its own."""

    _has_access = True

    def conversations(self, window: Window, stream: str) -> set[int]:
        """Search for the conversations of messages that were redacted in a window.

        A token that may not read the log finds none, with a warning.

        Args:
            window: When they were redacted.
            stream: The name of the stream that needs them, for the warning.

        Raises:
            RefusedError: Dixa refuses a request.
            RetriesExhaustedError: A request failed in all of its attempts.
        """
        conversations = set[int]()
        try:
            for spool in self.fetch([window] if self._has_access else []):
                redactions = self.emit(spool, _REDACTION.decode)
                conversations |= {redaction.conversation for redaction in redactions}
        except (ForbiddenError, NotFoundError) as error:
            if self.any_page_read:
                raise  # the token had access: what follows would be missing silently
            self._has_access = False
            self.log(
                "%s: messages that were redacted one by one are not refreshed: %s",
                stream,
                error,
                level=logging.WARNING,
            )
        return conversations

    @override
    def download(self, window: Window, retries: Retries) -> Spool:
        # Filtered as the pages come: of a page of 20 MB, nothing is left in most runs.
        return Spool(as_array(self._redactions(window, retries)), window, _KEYS)

    def _redactions(self, window: Window, retries: Retries) -> Iterator[bytes]:
        lost = 0
        for raw in self.entries(window, retries):
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
            self.log(
                "%s: %d redacted messages have no usable conversationId and are not refreshed",
                self.name,
                lost,
                level=logging.WARNING,
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

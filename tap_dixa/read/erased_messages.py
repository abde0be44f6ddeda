"""The refresh of ``messages``: those of anonymized conversations, and those redacted one by one.

The one trace of the latter that Dixa documents is an entry of the activity log. It does not say
when the message was created: the export of its conversation does, roughly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tap_dixa.download.spool import Spool, key_decoder
from tap_dixa.download.windows import cover
from tap_dixa.errors import ForbiddenError, NotFoundError
from tap_dixa.read.batches import decode_row, grouped
from tap_dixa.read.lists import as_array
from tap_dixa.read.refresh import RefreshBookmark, Refreshed
from tap_dixa.read.window_reader import WindowReader
from tap_dixa.records.conversions import TYPES
from tap_dixa.records.json_numbers import decode
from tap_dixa.timestamps import EARLIEST, LATEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_dixa.download.windows import Window
    from tap_dixa.http.retries import Retries
    from tap_dixa.read.activity_log import ActivityLogSource
    from tap_dixa.read.erased_conversations import Conversation, ErasedConversations

_UNDATED = (
    "%s: cannot determine when the messages of %d anonymized or redacted conversations (such as "
    "%d) were created: searching the whole synced time range"
)
_TYPE = b'"ConversationMessageRedacted'
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
    """Searches the activity log for the redacted messages that a stream has to read again."""

    def __init__(self, source: ActivityLogSource, stream: str) -> None:
        self._source = source
        self._stream = stream
        self._reader = WindowReader(source.client, self._download)
        self._has_access = True

    def conversation_ids(self, window: Window) -> set[int]:
        """Search for the conversations of messages that were redacted in a window.

        A token that may not read the log finds none, with a warning.
        """
        if not self._has_access:
            return set()
        try:
            redactions = self._reader.decoded(window, _REDACTION)
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
            conversation = _conversation_id(entry.conversation)
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


def _conversation_id(raw: msgspec.Raw) -> int | None:
    """Read a conversation's id, as records have it; None if it is none."""
    try:
        number: int = TYPES["integer"].convert(decode(raw))
    except (ValueError, RecursionError):
        return None
    return number


class _Message(msgspec.Struct):
    csid: msgspec.Raw = msgspec.Raw(b"null")


_MESSAGE = msgspec.json.Decoder(_Message)


class MessageSearch:
    """Searches for messages of anonymized conversations, and for redacted messages.

    Each stream has its own search: it is one request in most runs, and the streams can be selected
    apart.
    """

    def __init__(
        self, reader: WindowReader, conversations: ErasedConversations, redacted: RedactedMessages
    ) -> None:
        self.refreshed = 0
        """How many conversations were refreshed in this run."""
        self._reader = reader
        self._conversations = conversations
        self._redacted = redacted

    def reread(self, erased: Window, records: Window) -> Iterator[Refreshed]:
        """Search, and read again: see `Search`."""
        client = self._reader.client
        ids: set[int] = set()
        spans: list[tuple[int, int]] = []
        undated: list[int] = []
        for conversation in self._erased(erased, ids):
            span = conversation.span()
            if span is None:
                undated.append(conversation.id)
            first, last = span or (EARLIEST, LATEST)
            start, end = max(first, records.start), min(last, records.end)
            if start < end:
                ids.add(conversation.id)
                spans.append((start, end))
        if undated:
            client.warn(_UNDATED, client.stream, len(undated), undated[0])
        self.refreshed += len(ids)

        def is_erased(message: bytes) -> bool:
            return _conversation_id(_MESSAGE.decode(message).csid) in ids

        for spool in self._reader.spools(cover(spans, client.run.settings.window_days)):
            messages = self._reader.records(spool)
            window = spool.window
            found = (
                each for each in messages if decode_row(is_erased, each[1], client.stream, window)
            )
            for rows, _ in grouped(found):
                yield Refreshed(rows, window, None)
            yield Refreshed([], window, RefreshBookmark(erased.start, erased.end, window.end))

    def _erased(self, window: Window, ids: set[int]) -> Iterator[Conversation]:
        """Yield the conversations that something was erased in.

        The anonymized ones come first: those whose ids the caller then has are not requested again.
        """
        updated = self._conversations.updated(window)
        yield from (conversation for conversation in updated if conversation.is_anonymized)
        yield from self._conversations.with_ids(self._redacted.conversation_ids(window) - ids)

"""The refresh of ``messages``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tap_dixa.download.windows import cover
from tap_dixa.read.batches import grouped
from tap_dixa.read.redacted_messages import conversation_id
from tap_dixa.read.refresh import RefreshBookmark, Refreshed
from tap_dixa.read.window_reader import convert
from tap_dixa.timestamps import EARLIEST, LATEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_dixa.download.spool import Spool
    from tap_dixa.download.windows import Window
    from tap_dixa.read.erased_conversations import Conversation, ErasedConversations
    from tap_dixa.read.redacted_messages import RedactedMessages
    from tap_dixa.read.window_reader import WindowReader

_UNDATED = (
    "%s: cannot determine when the messages of %d anonymized or redacted conversations (such as "
    "%d) were created: searching the whole synced time range"
)


class _Message(msgspec.Struct):
    csid: msgspec.Raw = msgspec.Raw()


_MESSAGE = msgspec.json.Decoder(_Message)


class MessageSearch:
    """Searches for messages of anonymized conversations, and for redacted messages.

    Each stream has its own search: it is one request in most runs, and the streams can be selected
    apart.

    Args:
        reader: Reads messages.
        conversations: Reads the conversations that they are in.
        redacted: Searches for messages that were redacted one by one.
    """

    def __init__(
        self, reader: WindowReader, conversations: ErasedConversations, redacted: RedactedMessages
    ) -> None:
        self.conversations: set[int] = set()
        """The conversations that were refreshed in this run."""
        self._reader = reader
        self._conversations = conversations
        self._redacted = redacted

    def reread(self, erased: Window, records: Window) -> Iterator[Refreshed]:
        """Search, and read again: see `Search`."""
        client = self._reader.client
        messages = _ErasedMessages(records)
        for conversation in self._conversations.updated(erased):
            if conversation.is_anonymized:
                messages.add(conversation)
        redacted = self._redacted.conversations(erased) - messages.conversations
        for conversation in self._conversations.with_ids(redacted):
            messages.add(conversation)
        if undated := messages.undated:
            client.warn(_UNDATED, client.stream, len(undated), undated[0])
        self.conversations |= messages.conversations
        days = client.run.settings.window_days
        for spool in self._reader.spools(cover(messages.spans, days)):
            for rows, _ in grouped(self._of(messages, spool)):
                yield Refreshed(rows, spool.window, None)
            reached = RefreshBookmark(erased.start, erased.end, spool.window.end)
            yield Refreshed([], spool.window, reached)

    def _of(self, messages: _ErasedMessages, spool: Spool) -> Iterator[tuple[int, bytes]]:
        stream, window = self._reader.client.stream, spool.window
        for time, text in self._reader.records(spool):
            if convert(messages.has, text, stream, window):
                yield time, text


class _ErasedMessages:
    """The messages to emit again, by their conversations and by when they were created.

    Args:
        records: When the messages were created that are emitted.
    """

    def __init__(self, records: Window) -> None:
        self._records = records
        self.conversations: set[int] = set()
        self.undated: list[int] = []
        """Conversations whose messages may be from any time."""
        self.spans: list[tuple[int, int]] = []
        """When the messages were created: half-open intervals in Unix ms, in any order."""

    def add(self, conversation: Conversation) -> None:
        """Add the messages of a conversation."""
        span = conversation.span()
        if span is None:
            self.undated.append(conversation.id)
        first, last = span or (EARLIEST, LATEST)
        start, end = max(first, self._records.start), min(last, self._records.end)
        if start < end:
            self.conversations.add(conversation.id)
            self.spans.append((start, end))

    def has(self, message: bytes) -> bool:
        """Whether a message is of one of the conversations."""
        return conversation_id(_MESSAGE.decode(message).csid) in self.conversations

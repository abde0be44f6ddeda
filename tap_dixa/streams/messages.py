"""The stream ``messages``, and its refresh."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar

import msgspec
from typing_extensions import override

from tap_dixa.download.windows import LONGEST, cover, merge
from tap_dixa.streams.erased_conversations import ErasedConversations
from tap_dixa.streams.exports_api import ExportStream
from tap_dixa.streams.redacted_messages import RedactedMessages, conversation_id
from tap_dixa.streams.refresh import Refresh, RefreshBookmark, Refreshed
from tap_dixa.timestamps import DAY, EARLIEST, LATEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_sdk.helpers.types import Context

    from tap_dixa.download.windows import Window
    from tap_dixa.output.compiled import Encodable
    from tap_dixa.streams.erased_conversations import Conversation

_SPANS = 1_000
"""How many intervals to keep, beside what is merged, before they are merged."""
_UNDATED = (
    "%s: cannot determine when the messages of %d anonymized or redacted conversations (such as "
    "%d) were created: searching the whole synced time range"
)


class _Message(msgspec.Struct):
    csid: msgspec.Raw = msgspec.Raw()


_MESSAGE = msgspec.json.Decoder(_Message)


class MessagesStream(ExportStream):
    """Messages, each exported by the time it was created: Dixa has no other filter."""

    name = "messages"
    path = "/v1/message_export"
    primary_keys = ("id",)
    replication_key = cursor = "created_at"
    # Seen live under the one name, documented under the other.
    other_names: ClassVar = {"form_submission": "formSubmission"}

    @override
    def read(
        self, context: Context | None, convert: Callable[[bytes], Encodable]
    ) -> Iterator[Encodable | None]:
        return _MessageRefresh(self, convert).follow(super().read(context, convert), context)


class _MessageRefresh(Refresh):
    """Emits messages of anonymized conversations, and redacted messages, again.

    Each stream has its own search: it is one request in most runs, and the streams can be selected
    apart.
    """

    def __init__(self, stream: MessagesStream, convert: Callable[[bytes], Encodable]) -> None:
        super().__init__(stream, convert)
        self._conversations = stream.another(ErasedConversations)
        self._redacted = stream.another(RedactedMessages)

    @override
    def reread(self, erased: Window, records: Window) -> Iterator[Refreshed]:
        stream = self.stream
        messages = _ErasedMessages(records)
        for conversation in self._conversations.updated(erased):
            if conversation.is_anonymized:
                messages.add(conversation)
        redacted = self._redacted.conversations(erased, stream.name) - messages.conversations
        for conversation in self._conversations.with_ids(redacted):
            messages.add(conversation)
        if undated := messages.undated:
            stream.log(_UNDATED, stream.name, len(undated), undated[0], level=logging.WARNING)
        self.conversations |= messages.conversations
        windows = cover(messages.spans, min(stream.settings.window_days * DAY, LONGEST))
        for spool in stream.downloads(windows):
            emitted = stream.emit(spool, self.convert, messages.has)
            bookmark = RefreshBookmark(erased.start, erased.end, spool.window.end)
            yield Refreshed(emitted, bookmark)


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
        self._most_spans = _SPANS

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
        if len(self.spans) > self._most_spans:
            self.spans = merge(self.spans)
            self._most_spans = _SPANS + 2 * len(self.spans)

    def has(self, message: bytes) -> bool:
        """Whether a message is of one of the conversations."""
        return conversation_id(_MESSAGE.decode(message).csid) in self.conversations

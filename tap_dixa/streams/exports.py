"""The streams of the Exports API, and the activity log, which is read in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from typing_extensions import override

from tap_dixa.download.spool import key_decoder
from tap_dixa.http.client import Client
from tap_dixa.read.activity_log import LOG_PATH, ActivityLogSource
from tap_dixa.read.conversation_entries import EntrySearch
from tap_dixa.read.erased_conversations import ErasedConversations
from tap_dixa.read.erased_messages import MessageSearch, RedactedMessages
from tap_dixa.read.exports import CONVERSATIONS_PATH, ExportSource, conversation_export
from tap_dixa.read.refresh import RefreshingReader
from tap_dixa.read.window_reader import WindowReader, windows_of
from tap_dixa.streams.base import DixaStream

if TYPE_CHECKING:
    from tap_dixa.http.run import Run
    from tap_dixa.read.batches import Reader
    from tap_dixa.read.refresh import Search


class ConversationsStream(DixaStream):
    """Conversations in their newest state."""

    name = "conversations"
    path = CONVERSATIONS_PATH
    replication_key = "updated_at"
    is_exports = True

    @override
    def read(self) -> Reader:
        source = conversation_export(self.client)
        return WindowReader(self.client, source.download, windows_of(self, self.run))


class MessagesStream(DixaStream):
    """Messages, each exported by the time it was created: Dixa has no other filter."""

    name = "messages"
    path = "/v1/message_export"
    replication_key = "created_at"
    is_exports = True
    # Seen live under the one name, documented under the other.
    other_names: ClassVar = {"form_submission": "formSubmission"}

    @override
    def read(self) -> Reader:
        client, keys = self.client, key_decoder("created_at", {"id": str})
        source = ExportSource(client, self.path, "created_at", keys)
        reader = WindowReader(client, source.download, windows_of(self, self.run))
        log = ActivityLogSource(Client(self.run, ActivityLogsStream.name))
        search = MessageSearch(reader, _conversations(self.run), RedactedMessages(log, self.name))
        return _with_refresh(self, reader, search)


class ActivityLogsStream(DixaStream):
    """What happened to conversations, entry by entry."""

    name = "activity_logs"
    path = LOG_PATH
    replication_key = "activityTimestamp"

    @override
    def read(self) -> Reader:
        source = ActivityLogSource(self.client)
        reader = WindowReader(self.client, source.download, windows_of(self, self.run))
        return _with_refresh(self, reader, EntrySearch(reader, _conversations(self.run)))


def _with_refresh(stream: DixaStream, reader: WindowReader, search: Search) -> Reader:
    """Let a stream's new records be followed by those that Dixa has erased something in."""
    is_incremental = stream.replication_method == REPLICATION_INCREMENTAL
    if reader.windows and is_incremental and not stream.is_test:
        return RefreshingReader(reader, search, stream.stream_state)
    return reader


def _conversations(run: Run) -> ErasedConversations:
    return ErasedConversations(Client(run, ConversationsStream.name, is_exports=True))

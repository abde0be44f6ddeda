"""The streams of the Exports API, the activity log, and rows of the conversations that changed."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from typing_extensions import override

from tap_dixa.download.spool import key_decoder
from tap_dixa.http.client import Client
from tap_dixa.http.run import Run
from tap_dixa.read.activity_log import LOG_PATH, ActivityLogSource, EntrySearch
from tap_dixa.read.asked import AskedConversationsReader, AskedMessagesReader
from tap_dixa.read.batches import Reader
from tap_dixa.read.changed_conversations import REPLICATION_KEY, ChangedConversationsReader
from tap_dixa.read.children import ChildrenSource
from tap_dixa.read.erased_messages import MessageSearch, RedactedMessages
from tap_dixa.read.exports import CONVERSATIONS_PATH, ExportSource, conversation_export
from tap_dixa.read.refresh import RefreshingReader, Search
from tap_dixa.read.window_reader import WindowReader
from tap_dixa.streams.base import DixaStream
from tap_dixa.streams.lists import ListStream


class ConversationsStream(DixaStream):
    """Conversations in their newest state."""

    name = "conversations"
    path = CONVERSATIONS_PATH
    replication_key = "updated_at"
    is_exports = True

    @override
    def read(self) -> Reader:
        source = conversation_export(self.client)
        if _asks(self):
            return AskedConversationsReader(source)
        return WindowReader(self.client, source.download, self.windows())


class MessagesStream(DixaStream):
    """Messages, each exported by the time it was created: Dixa has no other filter."""

    name = "messages"
    path = "/v1/message_export"
    replication_key = "created_at"
    is_exports = True
    # Documented under the first name, seen live under the second.
    other_names: ClassVar = {"form_submission": "formSubmission"}

    @override
    def read(self) -> Reader:
        client, keys = self.client, key_decoder("created_at", {"id": str})
        source = ExportSource(client, self.path, "created_at", keys)
        reader = WindowReader(client, source.download, self.windows())
        if _asks(self):
            return AskedMessagesReader(reader, AskedConversationsReader(_conversations(self.run)))
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
        reader = WindowReader(self.client, source.download, self.windows())
        return _with_refresh(self, reader, EntrySearch(reader, _conversations(self.run)))


class ConversationNotesStream(ListStream):
    """Internal notes."""

    name = "conversation_notes"
    path = "/v1/conversations/{csid}/notes"
    replication_key = REPLICATION_KEY
    selected_by_default = False

    @override
    def read(self) -> Reader:
        return _of_changed_conversations(self, iter)


class ConversationRatingsStream(ListStream):
    """Ratings, question by question."""

    name = "conversation_ratings"
    path = "/v1/conversations/{csid}/ratings"
    primary_keys = ("csid", "id", "ratingType", "questionNumber")
    replication_key = REPLICATION_KEY
    selected_by_default = False

    @override
    def read(self) -> Reader:
        return _of_changed_conversations(self, _numbered)


class LinkedConversationsStream(ListStream):
    """Which conversations are linked to a conversation, such as side conversations."""

    name = "linked_conversations"
    path = "/v1/conversations/{csid}/linked"
    replication_key = REPLICATION_KEY
    selected_by_default = False

    @override
    def read(self) -> Reader:
        return _of_changed_conversations(self, iter)

    @override
    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        # The rest is in `conversations`. Here it would stay as it was, also what Dixa erases:
        # nothing says when the list is to be requested again.
        return {name: row[name] for name in self.schema["properties"] if name in row}


def _with_refresh(stream: DixaStream, reader: WindowReader, search: Search) -> Reader:
    """Let a stream's new records be followed by those that Dixa has erased something in."""
    is_incremental = stream.replication_method == REPLICATION_INCREMENTAL
    if reader.windows and is_incremental and not stream.is_test:
        return RefreshingReader(reader, search, stream.stream_state)
    return reader


def _asks(stream: DixaStream) -> bool:
    """Whether the run asks for some conversations alone. A connection test never does."""
    return bool(stream.run.settings.conversation_ids) and not stream.is_test


def _conversations(run: Run) -> ExportSource:
    """Make the source of conversations for a stream that needs to know of them."""
    return conversation_export(Client(run, ConversationsStream.name, is_exports=True))


def _of_changed_conversations(
    stream: ListStream, arrange: Callable[[Iterator[Any]], Iterator[Any]]
) -> Reader:
    """Make the reader of the rows of conversations that changed, which may be transformed.

    The bookmark is a conversation's ``updated_at``. The stream reads the conversations itself, so
    that it can be selected later than they, and resumed by itself.
    """
    exports = Client(stream.run, stream.name, is_exports=True)
    reader = WindowReader(exports, conversation_export(exports).download, stream.windows())
    children = ChildrenSource(stream.list_of(stream.run), "csid", arrange=arrange)
    return ChangedConversationsReader(reader, children, stream.stream_state, is_test=stream.is_test)


def _numbered(rows: Iterator[Any]) -> Iterator[Any]:
    """Number questions: those of a survey share its id, and two of them can be of one type."""
    questions: Counter[str] = Counter()
    for row in rows:
        if isinstance(row, dict):
            question = f"{row.get('id')} {row.get('ratingType')}"
            questions[question] += 1
            row["questionNumber"] = questions[question]
        yield row

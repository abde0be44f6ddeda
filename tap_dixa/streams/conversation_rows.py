"""The streams with a request for each conversation that changed.

They are off unless selected. The bookmark is a conversation's ``updated_at``: a stream reads the
conversations itself, so that it can be selected later than they, and resumed by itself.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_dixa.http.client import Client
from tap_dixa.read.changed_conversations import REPLICATION_KEY, ChangedConversationsReader
from tap_dixa.read.children import ChildrenSource
from tap_dixa.read.exports import conversation_export
from tap_dixa.read.window_reader import WindowReader, windows_of
from tap_dixa.streams.lists import ListStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_dixa.read.batches import Reader


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


def _of_changed_conversations(
    stream: ListStream, arrange: Callable[[Iterator[Any]], Iterator[Any]]
) -> Reader:
    """Make the reader of the rows of conversations that changed, which may be transformed."""
    exports = Client(stream.run, stream.name, is_exports=True)
    reader = WindowReader(
        exports, conversation_export(exports).download, windows_of(stream, stream.run)
    )
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

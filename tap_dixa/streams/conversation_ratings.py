"""The stream ``conversation_ratings``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_dixa.streams.changed_conversations import ChangedConversationsStream
from tap_dixa.streams.children import ChildStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context

_KEY = ("csid", "id", "ratingType", "questionNumber")


class RatingsByConversation(ChildStream):
    """Reads the ratings of conversations. Not a stream of its own."""

    name = "conversation_ratings"
    path = "/v1/conversations/{csid}/ratings"
    primary_keys = _KEY
    parent_key = "csid"

    @override
    def request_records(self, context: Context | None) -> Iterator[Any]:
        # The questions of a survey share its id, and two of them can be of one type.
        questions: Counter[str] = Counter()
        for row in super().request_records(context):
            if isinstance(row, dict):
                question = f"{row.get('id')} {row.get('ratingType')}"
                questions[question] += 1
                row["questionNumber"] = questions[question]
            yield row


class ConversationRatingsStream(ChangedConversationsStream):
    """Ratings, question by question."""

    name = "conversation_ratings"
    primary_keys = _KEY
    children = RatingsByConversation

"""The streams: what each one is called, where it comes from and what it is ordered by."""

from __future__ import annotations

from typing import ClassVar

from tap_dixa.export import ExportStream


class ConversationsStream(ExportStream):
    """Conversations in their newest state."""

    name = "conversations"
    path = "/v1/conversation_export"
    primary_keys = ("id",)
    replication_key = cursor = "updated_at"


class MessagesStream(ExportStream):
    """Messages, each exported by the time it was created: Dixa offers no other filter."""

    name = "messages"
    path = "/v1/message_export"
    primary_keys = ("id",)
    replication_key = cursor = "created_at"
    # Seen live under the one name, documented under the other.
    other_names: ClassVar = {"form_submission": "formSubmission"}


STREAMS: tuple[type[ExportStream], ...] = (ConversationsStream, MessagesStream)
"""All of them, in the order in which they are synced."""

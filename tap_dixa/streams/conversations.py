"""The stream ``conversations``."""

from __future__ import annotations

from tap_dixa.streams.exports_api import ExportStream


class ConversationsStream(ExportStream):
    """Conversations in their newest state."""

    name = "conversations"
    path = "/v1/conversation_export"
    primary_keys = ("id",)
    replication_key = cursor = "updated_at"

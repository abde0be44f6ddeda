"""The stream ``conversation_notes``."""

from __future__ import annotations

from tap_dixa.streams.changed_conversations import ChangedConversationsStream
from tap_dixa.streams.children import ChildStream


class NotesByConversation(ChildStream):
    """Reads the notes of conversations. Not a stream of its own."""

    name = "conversation_notes"
    path = "/v1/conversations/{csid}/notes"
    primary_keys = ("id",)
    parent_key = "csid"


class ConversationNotesStream(ChangedConversationsStream):
    """Internal notes."""

    name = "conversation_notes"
    primary_keys = ("id",)
    children = NotesByConversation

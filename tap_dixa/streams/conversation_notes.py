"""The stream ``conversation_notes``: one request for each conversation that changed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
from typing_extensions import override

from tap_dixa.download.spool import key_decoder
from tap_dixa.streams.conversations import ConversationsStream
from tap_dixa.streams.exports_api import ExportStream
from tap_dixa.streams.full_table import FullTableStream
from tap_dixa.timestamps import to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record

    from tap_dixa.download.spool import KeyDecoder
    from tap_dixa.output.normalize_raw import Encodable


class _Conversation(msgspec.Struct):
    id: int
    updated_at: int


_CONVERSATION = msgspec.json.Decoder(_Conversation)
_TESTED_CONVERSATIONS = 30
"""How many conversations a connection test reads the notes of: most have none."""


class NotesOfOneConversation(FullTableStream):
    """Reads one conversation's notes. No stream of its own."""

    name = "conversation_notes"
    path = "/v1/conversations/{csid}/notes"
    primary_keys = ("id",)


class ConversationNotesStream(ExportStream):
    """Internal notes of the conversations that changed, in the order of their changes.

    Off unless selected: they cost a request a conversation. The bookmark is a conversation's
    ``updated_at``: the stream reads the conversations itself, so that it can be selected later
    than they, and resumed by itself.
    """

    name = "conversation_notes"
    path = ConversationsStream.path
    primary_keys = ("id",)
    replication_key = "conversationUpdatedAt"
    cursor = ConversationsStream.cursor
    selected_by_default = False

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        key, batches = str(self.replication_key), self.config.get("batch_config")
        requested = 0
        for text in self.read(context, bytes):
            if text is not None:
                conversation = _CONVERSATION.decode(text)
                updated_at = to_rfc3339(conversation.updated_at)
                for note in self._notes.get_records({"csid": conversation.id}):
                    yield {**note, key: updated_at}
                if self._notes.skipped:
                    self.skipped = True
                    return
                requested += 1
                if self.ABORT_AT_RECORD_COUNT is not None and requested == _TESTED_CONVERSATIONS:
                    return
            if batches:
                continue  # a record counts when its file is whole, and nothing before it
            if text is not None:
                self.advance_bookmark(updated_at)
            if text is None or requested % self.STATE_MSG_FREQUENCY == 0:
                self.write_state()

    @override
    def get_encodable_records(self, context: Context | None) -> Iterator[Encodable | None]:
        return self.get_records(context)

    @override
    def on_fast_path(self) -> bool:
        return False  # conversations without notes move the bookmark too

    @cached_property
    def _notes(self) -> NotesOfOneConversation:
        return self.another(NotesOfOneConversation)

    @cached_property
    def key_decoder(self) -> KeyDecoder:
        """Decodes the cursor and the id of each conversation."""
        return key_decoder(self.cursor, {"id": int})

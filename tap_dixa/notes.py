"""The internal notes of conversations: one request for each conversation that changed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
from typing_extensions import override

from tap_dixa.api import ApiStream
from tap_dixa.export import ExportStream
from tap_dixa.spool import heads_decoder
from tap_dixa.timestamps import to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record

    from tap_dixa.drafts import Draft
    from tap_dixa.spool import HeadsDecoder


class _Conversation(msgspec.Struct):
    id: int
    updated_at: int


_TEST = 30
"""How many conversations a connection test asks for: most have no notes."""
_CONVERSATION = msgspec.json.Decoder(_Conversation)


class NotesOfOne(ApiStream):
    """Asks for one conversation's notes. No stream of its own."""

    name = "conversation_notes"
    path = "/v1/conversations/{csid}/notes"
    primary_keys = ("id",)


class NotesStream(ExportStream):
    """The notes of the conversations that changed, in the order in which these changed.

    Its bookmark is a conversation's ``updated_at``: it finds the conversations itself, so that
    it can be selected later than they, and resumed by itself.
    """

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        key, batches = str(self.replication_key), self.config.get("batch_config")
        asked = 0
        for text in self._read(context, bytes):
            if text is not None:
                conversation = _CONVERSATION.decode(text)
                changed = {key: to_rfc3339(conversation.updated_at)}
                for note in self._notes.get_records({"csid": conversation.id}):
                    yield {**note, **changed}
                if self._notes.left_out:
                    self.left_out = True
                    return
                asked += 1
                if self.ABORT_AT_RECORD_COUNT is not None and asked == _TEST:
                    return
            if batches:
                continue  # a record counts when its file is whole, and nothing before it
            if text is not None:
                self._increment_stream_state(changed, context=context)
            if text is None or asked % self.STATE_MSG_FREQUENCY == 0:
                self._write_state_message()

    @override
    def get_drafts(self, context: Context | None) -> Iterator[Draft | None]:
        return self.get_records(context)

    @override
    def _plain(self) -> bool:
        return False  # conversations without notes move the bookmark too

    @cached_property
    def _notes(self) -> NotesOfOne:
        return NotesOfOne(self.tap)

    @cached_property
    def heads(self) -> HeadsDecoder:
        """Reads the cursor and the id of each conversation."""
        return heads_decoder(self.cursor, {"id": int})

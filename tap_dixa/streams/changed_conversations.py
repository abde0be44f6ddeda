"""The base of streams with one request for each conversation that changed."""

from __future__ import annotations

from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import msgspec
from typing_extensions import override

from tap_dixa.download.spool import key_decoder
from tap_dixa.errors import ForbiddenError
from tap_dixa.streams.conversations import ConversationsStream
from tap_dixa.streams.exports_api import ExportStream
from tap_dixa.timestamps import to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record

    from tap_dixa.download.spool import KeyDecoder
    from tap_dixa.output.compiled import Encodable
    from tap_dixa.streams.children import ChildStream


class _Conversation(msgspec.Struct):
    id: int
    updated_at: int


_CONVERSATION = msgspec.json.Decoder(_Conversation)
_TESTED_CONVERSATIONS = 30
"""How many conversations a connection test reads the rows of: most have none."""


class ChangedConversationsStream(ExportStream):
    """Rows of the Dixa API, of the conversations that changed, in the order of their changes.

    Off unless selected: they cost one request per conversation. The bookmark is a conversation's
    ``updated_at``: the stream reads the conversations itself, so that it can be selected later
    than they, and resumed by itself.
    """

    children: ClassVar[type[ChildStream]]
    """Reads the rows of conversations, by their ``csid``."""

    path = ConversationsStream.path
    replication_key = "conversationUpdatedAt"
    cursor = ConversationsStream.cursor
    selected_by_default = False

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        key, batches = str(self.replication_key), self.config.get("batch_config")
        children = self.another(self.children)
        children.normalize = self.normalize  # what a catalog says of this stream holds for them
        # Rows are requested some conversations ahead: when each of these was updated, or None
        # for the end of a window.
        times: deque[str | None] = deque()
        requested, newest = 0, None
        try:
            for _, rows in children.children_of(self._conversations(context, times)):
                updated_at = times.popleft()
                for row in rows:
                    yield {**row, key: updated_at}
                requested, newest = requested + (updated_at is not None), updated_at or newest
                if self.ABORT_AT_RECORD_COUNT is not None and requested == _TESTED_CONVERSATIONS:
                    return
                # With BATCH, the bookmark only moves when a file is complete. Without any
                # response, it is the address that is wrong. What is refused may come later.
                if batches or not children.any_page_read or children.refusals.pending:
                    continue
                if newest is not None:
                    self.advance_bookmark(newest)
                if updated_at is None or requested % self.STATE_MSG_FREQUENCY == 0:
                    self.write_state()
        except ForbiddenError as error:
            self.skip(error, begun=children.any_page_read)

    def _conversations(
        self, context: Context | None, times: deque[str | None]
    ) -> Iterator[dict[str, int]]:
        for text in self.read(context, bytes):
            conversation = None if text is None else _CONVERSATION.decode(text)
            times.append(to_rfc3339(conversation.updated_at) if conversation else None)
            yield {"csid": conversation.id} if conversation else {}

    @override
    def get_encodable_records(self, context: Context | None) -> Iterator[Encodable | None]:
        return self.get_records(context)

    @override
    def on_fast_path(self) -> bool:
        return False  # conversations without rows move the bookmark too

    @cached_property
    def key_decoder(self) -> KeyDecoder:
        """Decodes the cursor and the id of each conversation."""
        return key_decoder(self.cursor, {"id": int})

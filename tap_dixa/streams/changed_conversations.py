"""The base of streams with one request for each conversation that changed."""

from __future__ import annotations

from collections import deque
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from typing_extensions import override

from tap_dixa.download.spool import key_decoder
from tap_dixa.errors import ForbiddenError
from tap_dixa.streams.conversations import ConversationsStream
from tap_dixa.streams.exports_api import ExportStream
from tap_dixa.timestamps import to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_sdk.helpers.types import Context

    from tap_dixa.download.spool import KeyDecoder
    from tap_dixa.output.compiled import Encodable
    from tap_dixa.streams.children import ChildStream


class _Conversation(msgspec.Struct):
    id: int
    updated_at: int


_CONVERSATION = msgspec.json.Decoder(_Conversation)
_SENT = "last_sent"
"""Where the state has the last conversation whose rows Dixa sent, by its id."""
_MOST_OTHERS = 50
"""How many conversations to try if Dixa has refused the rows of all those before."""
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
    def read(
        self, context: Context | None, convert: Callable[[bytes], Encodable]
    ) -> Iterator[Encodable | None]:
        key = str(self.replication_key)
        children = self.another(self.children)
        children.normalize = self.normalize  # what a catalog says of this stream holds for them
        # Rows are requested some conversations ahead: when each of these was updated, or None
        # for the end of a window.
        times: deque[str | None] = deque()
        requested, newest = 0, None
        try:
            for csid, rows in children.children_of(
                self._conversations(context, times), self._others(context)
            ):
                updated_at = times.popleft()
                for row in rows:
                    yield {**row, key: updated_at}
                requested, newest = requested + (csid is not None), updated_at or newest
                if self.is_test and requested == _TESTED_CONVERSATIONS:
                    return
                # What is refused may come later, and conversations without rows count too.
                if not children.refusals.pending and (
                    csid is None or requested % self.STATE_MSG_FREQUENCY == 0
                ):
                    yield None  # all rows so far are emitted before the state says so
                    if newest is not None:
                        self.advance_bookmark(newest)
                    if children.refusals.sent is not None:
                        self.stream_state[_SENT] = children.refusals.sent
                    yield None  # and the state is written before more are
        except ForbiddenError as error:
            self.skip(error, begun=children.any_page_read)

    def _conversations(
        self, context: Context | None, times: deque[str | None]
    ) -> Iterator[int | None]:
        for text in super().read(context, bytes):
            conversation = None if text is None else _CONVERSATION.decode(text)
            times.append(to_rfc3339(conversation.updated_at) if conversation else None)
            yield conversation.id if conversation else None

    def _others(self, context: Context | None) -> Iterator[Any]:
        """Yield the ids of conversations whose rows Dixa sends, if it sends any.

        They are the one of which it sent rows in an earlier run, and some of the newest windows.
        """
        if _SENT in self.stream_state:
            yield self.stream_state[_SENT]
        yield from islice(self._newest(context), _MOST_OTHERS)

    def _newest(self, context: Context | None) -> Iterator[int]:
        """Yield the ids of some conversations of each window, the newest window first."""
        conversations = self.another(ConversationsStream)
        for window in reversed(self.windows(context)):
            for spool in conversations.downloads([window]):
                ids = [one.id for one in conversations.emit(spool, _CONVERSATION.decode)]
                yield from ids[:: -(-len(ids) // _MOST_OTHERS) or 1]

    @cached_property
    def key_decoder(self) -> KeyDecoder:
        """Decodes the cursor and the id of each conversation."""
        return key_decoder(self.cursor, {"id": int})

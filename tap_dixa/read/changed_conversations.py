"""Rows of the conversations that changed, in the order of their changes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from tap_dixa.read.batches import Batch, Done
from tap_dixa.read.children import ChildrenSource, Parent, WindowEnd
from tap_dixa.read.exports import conversation_export
from tap_dixa.read.window_reader import WindowReader
from tap_dixa.timestamps import to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_dixa.download.windows import Window
    from tap_dixa.http.client import Client

REPLICATION_KEY = "conversationUpdatedAt"
_SENT = "last_sent"
"""Where the state has the last conversation whose rows Dixa sent, by its id."""
_STATE_FREQUENCY = 100
"""After how many conversations the state is written."""
_MOST_OTHERS = 50
"""How many conversations to try if Dixa has refused the rows of all those before."""
_TESTED_CONVERSATIONS = 30
"""How many conversations a connection test reads the rows of: most have none."""


class _Conversation(msgspec.Struct):
    id: int
    updated_at: int


_CONVERSATION = msgspec.json.Decoder(_Conversation)


@dataclass(frozen=True, slots=True)
class ChangedConversation(Parent):
    """A conversation, and when it changed."""

    updated_at: int
    """In Unix ms."""


class ChangedConversationsReader:
    """Reads rows of the conversations that changed, a request for each.

    Args:
        client: Sends requests to the Exports API.
        children: Requests the rows of a conversation.
        windows: What the run reads: by a conversation's ``updated_at``.
        state: The stream's state.
        is_test: Whether a few conversations are enough.
    """

    is_whole = False

    def __init__(
        self,
        client: Client,
        children: ChildrenSource,
        windows: Sequence[Window],
        state: Mapping[str, Any],
        *,
        is_test: bool,
    ) -> None:
        self._conversations = WindowReader(client, conversation_export(client).download)
        named = client.named("conversations")
        self._others = WindowReader(named, conversation_export(named).download)
        """Reads conversations out of order, to find out whether Dixa sends rows of any."""
        self._children = children
        self._windows = windows
        self._stream_state = state
        self._is_test = is_test

    @property
    def begun(self) -> bool:
        """Whether Dixa has sent rows of a conversation, or said that it has none."""
        return self._children.answered

    def batches(self) -> Iterator[Batch]:
        """Yield the rows of one conversation after the other."""
        children, requested, newest = self._children, 0, None
        for parent, rows in children.of(self._parents(), self._other_ids()):
            if isinstance(parent, ChangedConversation):
                requested += 1
                updated_at = to_rfc3339(parent.updated_at)
                # One that Dixa sent from elsewhere does not move the bookmark.
                if self._windows[0].start <= parent.updated_at < self._windows[-1].end:
                    newest = updated_at
                rows = [_with_time(row, updated_at) for row in rows]  # noqa: PLW2901
            yield Batch(rows, parent, self._done(parent, newest, requested))
            if self._is_test and requested == _TESTED_CONVERSATIONS:
                return

    def _done(self, parent: Parent | WindowEnd, newest: str | None, requested: int) -> Done:
        # What is refused may come later. Conversations without rows count, too.
        if self._children.has_pending:
            return Done()
        is_due = isinstance(parent, WindowEnd) or requested % _STATE_FREQUENCY == 0
        sent = self._children.sent
        state = {} if sent is None else {_SENT: sent}
        return Done(newest, state=state, is_worth_a_message=is_due)

    def _parents(self) -> Iterator[Parent | WindowEnd]:
        for batch in self._conversations.batches(self._windows):
            for text in batch.rows:
                conversation = _CONVERSATION.decode(text)
                yield ChangedConversation(conversation.id, conversation.updated_at)
            if batch.done.is_worth_a_message:
                yield WindowEnd()

    def _other_ids(self) -> Iterator[Any]:
        """Yield the ids of conversations whose rows Dixa sends, if it sends any.

        They are the one of which it sent rows in an earlier run, and some of the newest windows.
        """
        if _SENT in self._stream_state:
            yield self._stream_state[_SENT]
        yield from islice(self._newest(), _MOST_OTHERS)

    def _newest(self) -> Iterator[int]:
        """Yield the ids of some conversations of each window, the newest window first."""
        for window in reversed(self._windows):
            for spool in self._others.spools([window]):
                ids = [
                    _CONVERSATION.decode(text).id
                    for time, text in self._others.records(spool)
                    if time >= spool.window.start  # one from elsewhere may have no rows to send
                ]
                yield from ids[:: -(-len(ids) // _MOST_OTHERS) or 1]


def _with_time(row: Any, updated_at: str) -> Any:
    return {**row, REPLICATION_KEY: updated_at} if isinstance(row, dict) else row

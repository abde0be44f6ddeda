"""Rows of the conversations that changed, in the order of their changes."""

from __future__ import annotations

from itertools import groupby, islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from tap_dixa.read.batches import Batch, Done
from tap_dixa.read.children import ChildrenSource, Parent, Refusals
from tap_dixa.timestamps import to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_dixa.read.window_reader import WindowReader

REPLICATION_KEY = "conversationUpdatedAt"
_SENT = "last_sent"
"""Where the state has the last conversation whose rows Dixa sent, by its id."""
_STATE_FREQUENCY = 100
"""After how many conversations the state is written."""
_MOST_OTHERS = 50
"""How many conversations to try if Dixa has refused the rows of all those before."""
_TESTED_CONVERSATIONS = 30
"""How many conversations a connection test reads the rows of: most have none."""


class _Conversation(Parent):
    id: int
    updated_at: int


_CONVERSATION = msgspec.json.Decoder(_Conversation)


class ChangedConversationsReader:
    """Reads rows of the conversations that changed, a request for each.

    Args:
        conversations: Reads the conversations that changed in the time range.
        children: Requests the rows of a conversation.
        state: The stream's state.
        is_test: Whether a few conversations are enough.
    """

    def __init__(
        self,
        conversations: WindowReader,
        children: ChildrenSource,
        state: Mapping[str, Any],
        *,
        is_test: bool,
    ) -> None:
        self._conversations = conversations
        self._children = children
        self._stream_state = state
        self._is_test = is_test

    @property
    def begun(self) -> bool:
        """Whether Dixa has sent rows of a conversation, or said that it has none."""
        return self._children.source.answered

    def batches(self) -> Iterator[Batch]:
        """Yield the rows of one conversation after the other."""
        refusals = Refusals(self._children, self._other_ids())
        requested, newest = 0, None
        read, windows = self._conversations.batches(), self._conversations.windows
        for window, batches in groupby(read, attrgetter("origin")):
            for conversation, rows in self._children.of(_decoded(batches), refusals):
                requested += 1
                updated_at = to_rfc3339(conversation.updated_at)
                # One that is out of place does not move the bookmark.
                if windows[0].start <= conversation.updated_at < windows[-1].end:
                    newest = updated_at
                timed = [_with_time(row, updated_at) for row in rows]
                is_due = requested % _STATE_FREQUENCY == 0
                yield Batch(timed, conversation, _done(refusals, newest, is_due=is_due))
                if self._is_test and requested == _TESTED_CONVERSATIONS:
                    return
            yield Batch([], window, _done(refusals, newest, is_due=True))

    def _other_ids(self) -> Iterator[Any]:
        """Yield the ids of conversations whose rows Dixa sends, if it sends any.

        They are the one of which it sent rows in an earlier run, and some of the newest windows.
        """
        if _SENT in self._stream_state:
            yield self._stream_state[_SENT]
        yield from islice(self._newest(), _MOST_OTHERS)

    def _newest(self) -> Iterator[int]:
        """Yield the ids of some conversations of each window, the newest window first."""
        for window in reversed(self._conversations.windows):
            for spool in self._conversations.spools([window]):
                # One that is out of place may have no rows to send.
                ids = [
                    _CONVERSATION.decode(text).id
                    for time, text in self._conversations.records(spool)
                    if time >= spool.window.start
                ]
                yield from ids[:: -(-len(ids) // _MOST_OTHERS) or 1]


def _decoded(batches: Iterable[Batch]) -> Iterator[_Conversation]:
    return (_CONVERSATION.decode(text) for batch in batches for text in batch.rows)


def _done(refusals: Refusals, newest: str | None, *, is_due: bool) -> Done:
    # What is refused may come later. Conversations without rows count, too.
    if refusals.pending:
        return Done()
    state = {} if refusals.sent is None else {_SENT: refusals.sent}
    return Done(newest, state=state, is_worth_a_message=is_due)


def _with_time(row: Any, updated_at: str) -> Any:
    return {**row, REPLICATION_KEY: updated_at} if isinstance(row, dict) else row

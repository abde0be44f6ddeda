"""Rows of the conversations that changed, in the order of their changes."""

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

from tap_dixa.read.batches import Batch, Done
from tap_dixa.read.children import ChildrenSource, Refusals
from tap_dixa.read.exports import CONVERSATION
from tap_dixa.read.window_reader import WindowReader
from tap_dixa.timestamps import to_rfc3339

REPLICATION_KEY = "conversationUpdatedAt"
_SENT = "last_sent"
"""Where the state has the last conversation whose rows Dixa sent, by its id."""
_STATE_FREQUENCY = 100
"""After how many conversations the state is written."""
_MOST_OTHERS = 50
"""How many conversations to try if Dixa has refused the rows of all those before."""
_TESTED_CONVERSATIONS = 30
"""How many conversations a connection test reads the rows of: most have none."""


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
        refusals = Refusals(self._children, islice(self._others(), _MOST_OTHERS))
        windows = self._conversations.windows
        texts: Iterator[Any] = chain.from_iterable(
            batch.rows for batch in self._conversations.batches()
        )
        if self._is_test:
            texts = islice(texts, _TESTED_CONVERSATIONS)
        newest: str | None = None
        requested = self._children.of(map(CONVERSATION.decode, texts), refusals)
        for count, (conversation, rows) in enumerate(requested, 1):
            updated_at = to_rfc3339(conversation.updated_at)
            # One that is out of place does not move the bookmark.
            if windows[0].start <= conversation.updated_at < windows[-1].end:
                newest = updated_at
            done = _done(refusals, newest, is_due=count % _STATE_FREQUENCY == 0)
            yield Batch([_with_time(row, updated_at) for row in rows], conversation, done)
        yield Batch([], REPLICATION_KEY, _done(refusals, newest, is_due=True))

    def _others(self) -> Iterator[Any]:
        """Yield the ids of conversations whose rows Dixa sends, if it sends any.

        They are the one of which it sent rows in an earlier run, and some of each window, the
        newest window first.
        """
        if _SENT in self._stream_state:
            yield self._stream_state[_SENT]
        for window in reversed(self._conversations.windows):
            for spool in self._conversations.spools([window]):
                # One that is out of place may have no rows to send.
                ids = [
                    CONVERSATION.decode(text).id
                    for time, text in self._conversations.records(spool)
                    if time >= spool.window.start
                ]
                yield from ids[:: -(-len(ids) // _MOST_OTHERS) or 1]


def _done(refusals: Refusals, newest: str | None, *, is_due: bool) -> Done:
    # What is refused may come later. Conversations without rows count, too.
    if refusals.pending:
        return Done()
    state = {} if refusals.sent is None else {_SENT: refusals.sent}
    return Done(newest, state=state, is_worth_a_message=is_due)


def _with_time(row: Any, updated_at: str) -> Any:
    return {**row, REPLICATION_KEY: updated_at} if isinstance(row, dict) else row

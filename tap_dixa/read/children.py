"""Rows that are requested for each of their parents, such as the members of queues."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import msgspec

from tap_dixa.errors import NotFoundError, RefusedError
from tap_dixa.prefetch import prefetch
from tap_dixa.read.lists import ListSource

Skipped = dict[Any, RefusedError]
"""Parents that are skipped, in order, and why."""

_MOST_REFUSALS = 10
"""After so many refusals in a row it is found out whether they concern their parents alone."""


class Parent(msgspec.Struct):
    """A row that others are requested for, such as a queue."""

    id: Any


_AnyParent = TypeVar("_AnyParent", bound=Parent)


class Children(NamedTuple):
    """The rows of one parent."""

    rows: list[Any]
    error: RefusedError | None = None
    """Why there are none, if Dixa does not send them."""

    def close(self) -> None:
        """Do nothing: the rows are in memory."""


class Refusals:
    """Parents, such as conversations or queues, whose rows Dixa refuses to send.

    A refused parent is skipped as soon as Dixa sends the rows of another one: of a later parent,
    of the last one that it sent before or, while it has sent none in this run, of one of the
    others. Until then, the reason may be the token, or concern all parents.

    Args:
        source: Requests the rows of a parent.
        others: Ids of parents that are requested, out of order, if Dixa has refused all so far.
    """

    def __init__(self, source: ChildrenSource, others: Iterable[Any]) -> None:
        self._source = source
        self._others = others
        self.pending: Skipped = {}
        """Parents whose refusals may have another cause than they, and why they were refused."""
        self.sent: Any = None
        """The last parent whose rows Dixa has sent in this run."""

    def add(self, parent: Any, error: RefusedError | None) -> Skipped:
        """Add what became of a request, and return the parents that are skipped now.

        Raises:
            RefusedError: Dixa has refused many in a row, and sends no other either.
        """
        if error is None:
            return self._skip_pending(parent)
        if isinstance(error, NotFoundError) and self.sent is not None:
            return {parent: error}
        self.pending[parent] = error
        return self.settle() if len(self.pending) >= _MOST_REFUSALS else {}

    def settle(self) -> Skipped:
        """Find out which pending refusals concern their parent alone, and return these.

        Raises:
            RefusedError: The first of them: Dixa sends nothing else either.
        """
        if not self.pending:
            return {}
        for parent in self._others if self.sent is None else (self.sent,):
            if parent not in self.pending and self._source.request(Parent(parent)).error is None:
                return self._skip_pending(parent)
        raise next(iter(self.pending.values()))

    def _skip_pending(self, sent: Any) -> Skipped:
        self.sent = sent
        skipped, self.pending = self.pending, {}
        return skipped


class ChildrenSource:
    """Requests a list once for each parent, several at a time.

    Args:
        source: Requests the list of one parent.
        parent_key: The name of a parent's id, in the path and in the rows.
        in_query: Whether the id is in the query, and not in the path. Such a parent is no row that
            can be deleted: a 404 says that its rows are not sent.
        arrange: Transforms the rows of a parent.
    """

    def __init__(
        self,
        source: ListSource,
        parent_key: str,
        *,
        in_query: bool = False,
        arrange: Callable[[Iterator[Any]], Iterator[Any]] = iter,
    ) -> None:
        self.source = source
        """The list that is requested."""
        self._parent_key = parent_key
        self._in_query = in_query
        self._arrange = arrange

    def of(
        self, parents: Iterable[_AnyParent], refusals: Refusals
    ) -> Iterator[tuple[_AnyParent, list[Any]]]:
        """Yield each parent with its rows, in order.

        A parent that was deleted between two requests, or that Dixa refuses while it sends the
        rows of others, has none.

        Raises:
            RefusedError: Dixa refuses all requests, or all from one on. It is a NotFoundError if
                the address is wrong, or the account lacks this list.
        """
        ahead = self.source.client.run.settings.parallel_downloads
        for parent, children in prefetch(self.request, parents, ahead=ahead):
            self.log_skipped(refusals.add(parent.id, children.error))
            yield parent, children.rows
        self.log_skipped(refusals.settle())

    def of_ids(self, parents: Iterable[Any]) -> Iterator[Any]:
        """Yield the rows of all parents, by their ids."""
        ids = list(parents)
        for _, rows in self.of(map(Parent, ids), Refusals(self, reversed(ids))):
            yield from rows

    def request(self, parent: Parent) -> Children:
        """Request the rows of a parent."""
        key = {self._parent_key: parent.id}
        request = self.source.request
        request = request.with_query(key) if self._in_query else replace(request, ids=key)
        try:
            rows = list(self._arrange(self.source.rows(request)))
        except RefusedError as error:
            return Children([], error)
        # Whatever is no row stays as it is.
        return Children([{**key, **row} if isinstance(row, dict) else row for row in rows])

    def log_skipped(self, skipped: Skipped) -> None:
        """Say which parents are skipped, and why."""
        client = self.source.client
        for parent, error in skipped.items():
            if isinstance(error, NotFoundError) and not self._in_query:
                gone = "%s: %s %s no longer exists and is skipped"
                client.log(gone, client.stream, self._parent_key, parent)
            else:
                self.source.in_doubt = True
                refused = "%s: %s %s is skipped: %s"
                client.warn(refused, client.stream, self._parent_key, parent, error)

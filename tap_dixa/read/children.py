"""Rows that are requested for each of their parents, such as the members of queues."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_dixa.download.prefetch import prefetch
from tap_dixa.errors import NotFoundError, RefusedError
from tap_dixa.read.refusals import Refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tap_dixa.read.lists import ListSource


@dataclass(frozen=True, slots=True)
class Parent:
    """A row of which others depend, such as a queue."""

    id: Any


class WindowEnd:
    """Comes between parents: what was refused by then is settled."""


class _Children(NamedTuple):
    """The rows of one parent."""

    rows: list[Any]
    error: RefusedError | None = None
    """Why there are none, if Dixa does not send them."""

    def close(self) -> None:
        """Do nothing: the rows are in memory."""


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
        self._source = source
        self._parent_key = parent_key
        self._in_query = in_query
        self._arrange = arrange
        self._is_doubtful = False
        self.sent: Any = None
        """The last parent whose rows Dixa has sent, by its id."""
        self.has_pending = False
        """Whether there are refusals that may have another cause than their parent."""

    @property
    def answered(self) -> bool:
        """Whether a request has succeeded."""
        return self._source.answered

    @property
    def in_doubt(self) -> bool:
        """Whether rows may be missing."""
        return self._is_doubtful or self._source.in_doubt

    def of(
        self, parents: Iterable[Parent | WindowEnd], others: Iterable[Any]
    ) -> Iterator[tuple[Parent | WindowEnd, list[Any]]]:
        """Yield each parent with its rows, in order.

        A parent that was deleted between two requests, or that Dixa refuses while it sends the
        rows of others, has none.

        Args:
            parents: The parents.
            others: Ids of parents that are requested, out of order, if Dixa has refused all
                parents so far: whether it sends the rows of any.

        Raises:
            NotFoundError: None of the parents was found: the address is wrong, or the account
                lacks this list.
            RefusedError: Dixa refuses all requests, or all from one on.
        """
        refusals = Refusals(lambda parent: self._request(Parent(parent)).error, others)
        ahead = self._source.client.run.settings.parallel_downloads
        for parent, children in prefetch(self._request, parents, ahead=ahead):
            if isinstance(parent, WindowEnd):
                refusals.settle()
            else:
                refusals.add(parent.id, children.error)
            self._log_skipped(refusals.take_skipped())
            self.sent, self.has_pending = refusals.sent, refusals.pending
            yield parent, children.rows
        refusals.settle()
        self._log_skipped(refusals.take_skipped())

    def of_ids(self, ids: Sequence[Any]) -> Iterator[Any]:
        """Yield the rows of all parents, by their ids."""
        for _, rows in self.of(map(Parent, ids), reversed(ids)):
            yield from rows

    def _request(self, parent: Parent | WindowEnd) -> _Children:
        if isinstance(parent, WindowEnd):
            return _Children([])
        key = {self._parent_key: parent.id}
        request = self._source.request
        request = request.with_query(key) if self._in_query else replace(request, ids=key)
        try:
            rows = list(self._arrange(self._source.rows(request)))
        except RefusedError as error:
            return _Children([], error)
        return _Children([with_columns(row, key) for row in rows])

    def _log_skipped(self, skipped: Mapping[Any, RefusedError]) -> None:
        client = self._source.client
        for parent, error in skipped.items():
            if isinstance(error, NotFoundError) and not self._in_query:
                gone = "%s: %s %s no longer exists and is skipped"
                client.log(gone, client.stream, self._parent_key, parent)
            else:
                self._is_doubtful = True
                refused = "%s: %s %s is skipped: %s"
                client.warn(refused, client.stream, self._parent_key, parent, error)


@dataclass(slots=True)
class MembersSource:
    """Requests a list, and then the rows of each row in it."""

    parents: ListSource
    members: ChildrenSource

    @property
    def answered(self) -> bool:
        """Whether a request for members has succeeded."""
        return self.members.answered

    @property
    def in_doubt(self) -> bool:
        """Whether rows may be missing."""
        return self.parents.in_doubt or self.members.in_doubt

    def rows(self) -> Iterator[Any]:
        """Yield the members of all parents."""
        return self.members.of_ids(list(self.parents.rows_by_id()))


@dataclass(slots=True)
class FlowsSource:
    """Requests the flows of some channels. A flow that several of them list comes once."""

    channels: Sequence[str]
    flows: ChildrenSource

    @property
    def answered(self) -> bool:
        """Whether a request for flows has succeeded."""
        return self.flows.answered

    @property
    def in_doubt(self) -> bool:
        """Whether flows may be missing."""
        return self.flows.in_doubt

    def rows(self) -> Iterator[Any]:
        """Yield the flows of all channels."""
        # Whether a flow can be listed for several channels is not documented.
        before: list[Any] = []
        for row in self.flows.of_ids(self.channels):
            if row not in before:
                before.append(row)
                yield row


def with_columns(row: Any, columns: Mapping[str, Any]) -> Any:
    """Add the columns that Dixa's row does not have. Whatever is no row stays as it is."""
    return {**columns, **row} if isinstance(row, dict) else row

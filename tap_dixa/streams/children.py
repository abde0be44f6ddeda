"""Streams with a request for each row of a parent stream, such as the members of queues."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from typing_extensions import override

from tap_dixa.download.prefetch import prefetch
from tap_dixa.errors import NotFoundError, RefusedError
from tap_dixa.streams.full_table import FullTableStream, QueuesStream, TeamsStream
from tap_dixa.streams.refusals import Refusals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk.helpers.types import Record


class Children(NamedTuple):
    """The rows of one parent."""

    rows: list[Any]
    error: RefusedError | None = None
    """Why there are none, if Dixa does not send them."""

    def close(self) -> None:
        """Do nothing: the rows are in memory."""


class ChildStream(FullTableStream):
    """A list that is requested once for each parent, several at a time."""

    parent_key: ClassVar[str]
    """The name of a parent's id, in the path and in the rows."""

    refusals: Refusals[Any]
    """The parents whose rows Dixa refuses to send, by id."""

    def children_of(
        self, parents: Iterable[Any], others: Iterable[Any]
    ) -> Iterator[tuple[Any, list[Record]]]:
        """Yield the id of each parent with its records, in order.

        A parent that was deleted between two requests, or that Dixa refuses while it sends the
        rows of others, has none.

        Args:
            parents: The parents' ids. None, instead of one, ends a window: what was refused by
                then is settled.
            others: Ids of parents that are requested, out of order, if Dixa has refused all
                parents so far: whether it sends the rows of any.

        Raises:
            NotFoundError: None of the parents was found: the address is wrong, or the account
                lacks this list.
            RefusedError: Dixa refuses all requests, or all from one on.
        """
        refusals = self.refusals = Refusals(lambda parent: self._rows_of(parent).error, others)
        ahead = self.settings.parallel_downloads
        for parent, children in prefetch(self._rows_of, parents, ahead=ahead):
            if parent is None:
                refusals.settle()
            else:
                refusals.add(parent, children.error)
            self._log_skipped()
            yield parent, [self.to_record(row, {self.parent_key: parent}) for row in children.rows]
        refusals.settle()
        self._log_skipped()

    def _log_skipped(self) -> None:
        for parent, error in self.refusals.take_skipped().items():
            if self.is_gone(error):
                self.log(
                    "%s: %s %s no longer exists and is skipped", self.name, self.parent_key, parent
                )
                continue
            self.in_doubt = True
            self.log(
                "%s: %s %s is skipped: %s",
                self.name,
                self.parent_key,
                parent,
                error,
                level=logging.WARNING,
            )

    def is_gone(self, error: RefusedError) -> bool:
        """Whether a refusal means that the parent was deleted, so that it has no rows."""
        return isinstance(error, NotFoundError)

    def _rows_of(self, parent: Any) -> Children:
        if parent is None:
            return Children([])
        try:
            return Children(list(self.request_records({self.parent_key: parent})))
        except RefusedError as error:
            return Children([], error)


class MembersStream(ChildStream):
    """The members of each row of a parent stream.

    It reads the parents itself, so that it can be selected without them.
    """

    parent: ClassVar[type[FullTableStream]]
    """The parents' stream."""

    @override
    def read_list(self) -> Iterator[Record]:
        parents = self.another(self.parent)
        ids = [parents.id_of(row) for row in parents.request_records(None)]
        self.in_doubt |= parents.in_doubt
        for _, records in self.children_of(ids, reversed(ids)):
            yield from records


class QueueMembersStream(MembersStream):
    """Which agents work on which queue."""

    name = "queue_members"
    path = "/v1/queues/{queueId}/members"
    primary_keys = ("queueId", "agentId")
    parent = QueuesStream
    parent_key = "queueId"


class TeamMembersStream(MembersStream):
    """Which agents are in which team."""

    name = "team_members"
    path = "/v1/teams/{teamId}/agents"
    primary_keys = ("teamId", "id")
    parent = TeamsStream
    parent_key = "teamId"

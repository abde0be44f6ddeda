"""Streams that are requested once for each row of another one, such as the members of queues."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from typing_extensions import override

from tap_dixa.download.prefetch import prefetch
from tap_dixa.errors import ForbiddenError, NotFoundError, RefusedError
from tap_dixa.streams.full_table import FullTableStream, QueuesStream, TeamsStream
from tap_dixa.streams.refusals import Refusals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk.helpers.types import Context, Record

    Parent = dict[str, Any]

_MOST_NOT_FOUND = 10
"""After so many parents that do not exist, and none that does, the address is wrong."""


class Children(NamedTuple):
    """The rows of one parent."""

    rows: list[Any]
    error: RefusedError | None = None
    """Why there are none, if Dixa does not send them."""

    def close(self) -> None:
        """Do nothing: the rows are in memory."""


class ChildStream(FullTableStream):
    """A list that is requested once for each parent, several at a time."""

    @cached_property
    def refusals(self) -> Refusals[tuple[str, Any]]:
        """The parents whose rows Dixa refuses to send, each as its key's name and value."""
        return Refusals(lambda parent: self._rows_of(dict([parent])).error)

    def children_of(self, parents: Iterable[Parent]) -> Iterator[tuple[Parent, list[Record]]]:
        """Yield each parent with its records, in order.

        A parent that was deleted between two requests, or that Dixa refuses while it sends the
        rows of others, has none.

        Args:
            parents: Each as the context of its request, ``{key: id}``. An empty one has no rows,
                and ends a part: what was refused by then is settled.

        Raises:
            NotFoundError: None of the parents was found: the address is wrong, or the account
                lacks this list.
            RefusedError: Dixa refuses all requests, or all from one on.
        """
        ahead = self.settings.parallel_downloads
        errors, error = 0, None
        for parent, found in prefetch(self._rows_of, parents, ahead=ahead):
            for key, value in parent.items():
                if isinstance(found.error, NotFoundError):
                    errors, error = errors + 1, found.error
                    if errors >= _MOST_NOT_FOUND and not self.any_page_read:
                        raise error
                    self.log("%s: %s %s no longer exists and is skipped", self.name, key, value)
                else:
                    self.refusals.add((key, value), found.error)
            if not parent:
                self.refusals.settle()
            self._warn_of_skipped()
            yield parent, [self.to_record(row, parent) for row in found.rows]
        if error is not None and not self.any_page_read:
            raise error
        self.refusals.settle()
        self._warn_of_skipped()

    def _warn_of_skipped(self) -> None:
        for (key, value), reason in self.refusals.take_skipped().items():
            self.in_doubt = True
            self.log(
                "%s: %s %s is skipped: %s", self.name, key, value, reason, level=logging.WARNING
            )

    def _rows_of(self, parent: Parent) -> Children:
        try:
            return Children(list(self.request_records(parent)) if parent else [])
        except RefusedError as error:
            return Children([], error)


class MembersStream(ChildStream):
    """A list that is requested once for each row of another one, its parent.

    It reads the parents itself, so that it can be selected without them.
    """

    parent: ClassVar[type[FullTableStream]]
    """The parents' stream."""

    parent_key: ClassVar[str]
    """The name of a parent's id, in the path and in the rows."""

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        parents = self.another(self.parent)
        try:
            rows = parents.request_records(None)
            found = [{self.parent_key: parents.id_of(row)} for row in rows]
            self.in_doubt |= parents.in_doubt
            for _, records in self.children_of(found):
                yield from records
        except ForbiddenError as error:
            self.skip(error, begun=self.any_page_read)


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

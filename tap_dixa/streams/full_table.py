"""The full-table streams: agents, end users, queues, teams and their members, tags and others."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from tap_dixa.errors import ForbiddenError, NotFoundError, UnusableRecordError
from tap_dixa.output.normalize import compile_normalizer
from tap_dixa.streams.dixa_api import DixaApiStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record

    from tap_dixa.output.normalize import Normalizer


class FullTableStream(DixaApiStream):
    """A list of the Dixa API, read whole in each run."""

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Yield every row as a record.

        Raises:
            RefusedError: Dixa refuses a request.
            RetriesExhaustedError: A request failed in all of its attempts.
            UnusableRecordError: A row has no key.
        """
        if self.skipped:
            return
        try:
            for row in self.request_records(context):
                yield self.to_record(row, context)
        except NotFoundError as error:
            if not context:
                raise
            (parent,) = context.items()
            self.log("%s: %s %s no longer exists and is skipped (%s)", self.name, *parent, error)
        except ForbiddenError as error:
            if self.any_page_read:
                raise  # the rest would be missing without a trace
            self.skip(error)

    def to_record(self, row: Any, context: Context | None) -> Record:
        """Make a record that fits the schema from a row.

        Raises:
            UnusableRecordError: It has no key.
        """
        if isinstance(row, dict):
            record: Record = self._normalize({**(context or {}), **row})
            if all(record.get(key) is not None for key in self.primary_keys):
                return record
        raise UnusableRecordError(
            f"{self.name}: Dixa sent a row without {' and '.join(self.primary_keys)}: {row!r:.80}"
        )

    @cached_property
    def _normalize(self) -> Normalizer:
        return compile_normalizer(self.effective_schema, self.report_unknown_field)


class MembersStream(FullTableStream):
    """A list that is requested once for each row of another one, its parent.

    It reads the parents itself, so that it can be selected without them, and activates the
    version of its rows once, after the last parent.
    """

    parent: ClassVar[type[FullTableStream]]
    """The parents' stream."""

    parent_key: ClassVar[str]
    """The name of a parent's id, in the path and in the rows."""

    state_partitioning_keys: ClassVar[list[str]] = []

    @cached_property
    def partitions(self) -> list[dict[str, Any]]:
        """The parents, each as ``{parent_key: id}``."""
        try:
            rows = list(self.another(self.parent).request_records(None))
        except ForbiddenError as error:
            self.skip(error)
            rows = []
        return [{self.parent_key: row["id"]} for row in rows]

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        # Without any parent, the SDK asks for the records of no context.
        return super().get_records(context) if context else iter(())


class AgentsStream(FullTableStream):
    """Agents and administrators."""

    name = "agents"
    path = "/v1/agents"
    primary_keys = ("id",)


class EndUsersStream(FullTableStream):
    """End users: the customers. Dixa also calls them contacts."""

    name = "end_users"
    path = "/v1/endusers"
    primary_keys = ("id",)


class QueuesStream(FullTableStream):
    """Queues."""

    name = "queues"
    path = "/v1/queues"
    primary_keys = ("id",)


class QueueMembersStream(MembersStream):
    """Which agents work on which queue."""

    name = "queue_members"
    path = "/v1/queues/{queueId}/members"
    primary_keys = ("queueId", "agentId")
    parent = QueuesStream
    parent_key = "queueId"


class TeamsStream(FullTableStream):
    """Teams."""

    name = "teams"
    path = "/v1/teams"
    primary_keys = ("id",)


class TeamMembersStream(MembersStream):
    """Which agents are in which team."""

    name = "team_members"
    path = "/v1/teams/{teamId}/agents"
    primary_keys = ("teamId", "id")
    parent = TeamsStream
    parent_key = "teamId"


class TagsStream(FullTableStream):
    """Tags, deactivated ones too: old conversations have them."""

    name = "tags"
    path = "/v1/tags"
    primary_keys = ("id",)
    parameters: ClassVar = {"includeDeactivated": "true"}


class CustomAttributesStream(FullTableStream):
    """What custom fields there are, and what they may hold."""

    name = "custom_attributes"
    path = "/v1/custom-attributes"
    primary_keys = ("id",)


class ContactEndpointsStream(FullTableStream):
    """The addresses and numbers at which an organization can be reached."""

    name = "contact_endpoints"
    path = "/v1/contact-endpoints"
    primary_keys = ("contactEndpointId",)

    @override
    def to_record(self, row: Any, context: Context | None) -> Record:
        # Dixa's conversation flows refer to an endpoint by its address or number.
        if isinstance(row, dict):
            row["contactEndpointId"] = row.get("address") or row.get("number")
        return super().to_record(row, context)


class BusinessHoursSchedulesStream(FullTableStream):
    """Schedules of business hours."""

    name = "business_hours_schedules"
    path = "/v1/business-hours/schedules"
    primary_keys = ("id",)
    rows = ("data", "schedules")

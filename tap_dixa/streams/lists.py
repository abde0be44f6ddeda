"""The full-table streams: lists of the Dixa API, read completely in each run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from singer_sdk.helpers.types import Record
from typing_extensions import override

from tap_dixa.errors import UnusableRecordError
from tap_dixa.http.client import Client, Request
from tap_dixa.http.run import Run
from tap_dixa.log_shapes import shown_value
from tap_dixa.read.batches import Reader
from tap_dixa.read.children import ChildrenSource
from tap_dixa.read.lists import LIST_STATUSES, ListReader, ListSource, is_key, unusable_key
from tap_dixa.streams.base import DixaStream

CHANNELS = (
    *("Email", "ContactForm", "WidgetChat", "Messenger", "FacebookMessenger", "WhatsApp"),
    *("PstnPhone", "Callback", "Voicemail"),
)
"""The channels whose conversation flows Dixa lists."""


class ListStream(DixaStream):
    """Rows of the Dixa API: a list, or one for each row of another list, read in each run.

    A new one also needs ``schemas/NAME.json`` and its place in `tap_dixa.streams.STREAMS`.
    """

    rows_at: ClassVar[Sequence[str]] = ("data",)
    """Where in a response the rows are: see `decode_page`."""

    one_row: ClassVar[bool] = False
    """Whether there is one object in the place of a list of rows."""

    parents: ClassVar[type[ListStream] | None] = None
    """The list of whose rows, requested first, each has a list of this stream."""

    parent_key: ClassVar[str] = "id"
    """The name of a parent's id, in the path and in the rows."""

    parameters: ClassVar[Mapping[str, str]] = {}
    """Query parameters of every request."""

    has_page_limit: ClassVar[bool] = False
    """Whether the setting `page_size` is for this list, which can be long."""

    @classmethod
    def list_of(cls, run: Run) -> ListSource:
        """Make what requests the list, for whatever stream."""
        size = run.settings.page_size
        limit = {"pageLimit": str(size)} if cls.has_page_limit and size else {}
        request = Request(cls.path, query={**cls.parameters, **limit}, complete=LIST_STATUSES)
        client = Client(run, cls.name)  # type: ignore[misc] # each class has its own
        return ListSource(client, request, rows_at=cls.rows_at, one_row=cls.one_row)

    @override
    def read(self) -> Reader:
        source = self.list_of(self.run)
        if self.parents is None:
            return ListReader(source.rows(), [source])
        parents = self.parents.list_of(self.run)
        children = ChildrenSource(source, self.parent_key)
        return ListReader(children.of_ids(parents.ids()), [parents, source])

    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        """Transform a row as Dixa sends it."""
        return row

    @override
    def conversion(self, *, fast: bool) -> Callable[[Any], Record]:
        return self._to_record

    def _to_record(self, row: Any) -> Record:
        """Make a record that fits the schema, and has a usable key, of a row."""
        if isinstance(row, dict):
            try:
                record: Record = self.normalize(self.row(row))
            except RecursionError as error:
                raise UnusableRecordError(
                    f"{self.name}: {self.path}: a record cannot be decoded: {error}: "
                    f"{shown_value(row)}"
                ) from None
            if all(is_key(record.get(key)) for key in self.primary_keys):
                return record
        raise unusable_key(self.name, self.primary_keys, row)


class AgentsStream(ListStream):
    """Agents and administrators."""

    name = "agents"
    path = "/v1/agents"
    has_page_limit = True


class EndUsersStream(ListStream):
    """End users: the customers. Dixa also calls them contacts."""

    name = "end_users"
    path = "/v1/endusers"
    has_page_limit = True


class QueuesStream(ListStream):
    """Queues."""

    name = "queues"
    path = "/v1/queues"


class TeamsStream(ListStream):
    """Teams."""

    name = "teams"
    path = "/v1/teams"


class TagsStream(ListStream):
    """Tags, deactivated ones too: old conversations have them."""

    name = "tags"
    path = "/v1/tags"
    parameters: ClassVar = {"includeDeactivated": "true"}


class CustomAttributesStream(ListStream):
    """What custom fields there are, and what they may hold."""

    name = "custom_attributes"
    path = "/v1/custom-attributes"


class ContactEndpointsStream(ListStream):
    """The addresses and numbers at which an organization can be reached."""

    name = "contact_endpoints"
    path = "/v1/contact-endpoints"
    primary_keys = ("contactEndpointId",)

    @override
    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        # Dixa's conversation flows refer to an endpoint by its address or number.
        return {**row, "contactEndpointId": row.get("address") or row.get("number")}


class OrganizationStream(ListStream):
    """The organization that the token belongs to: one row."""

    name = "organization"
    path = "/v1/organization"
    one_row = True
    is_optional = True


class AiAgentsStream(ListStream):
    """AI agents."""

    name = "ai_agents"
    path = "/v1/ai-agents"
    is_optional = True


class AgentPresenceStream(ListStream):
    """Which agents are working or away, at the time of the run."""

    name = "agent_presence"
    path = "/v1/agents/presence"
    primary_keys = ("userId",)
    rows_at = ()
    is_optional = True


class TemplatesStream(ListStream):
    """Templates of both types: quick responses and automatic replies to emails."""

    name = "templates"
    path = "/v1/templates"
    is_optional = True


class BusinessHoursSchedulesStream(ListStream):
    """Schedules of business hours."""

    name = "business_hours_schedules"
    path = "/v1/business-hours/schedules"
    rows_at = ("data", "schedules")
    is_optional = True


class QueueMembersStream(ListStream):
    """Which agents work on which queue.

    It reads the queues itself, so that it can be selected without them.
    """

    name = "queue_members"
    path = "/v1/queues/{queueId}/members"
    primary_keys = ("queueId", "agentId")
    parents = QueuesStream
    parent_key = "queueId"


class TeamMembersStream(ListStream):
    """Which agents are in which team. It reads the teams itself."""

    name = "team_members"
    path = "/v1/teams/{teamId}/agents"
    primary_keys = ("teamId", "id")
    parents = TeamsStream
    parent_key = "teamId"


class BusinessHoursDefinitionsStream(ListStream):
    """The hours of each schedule of business hours. It reads the schedules itself."""

    name = "business_hours_definitions"
    path = "/v1/business-hours/schedules/{id}/definition"
    rows_at = ("data", "schedule")
    one_row = True
    is_optional = True
    parents = BusinessHoursSchedulesStream


class ConversationFlowsStream(ListStream):
    """Conversation flows, requested for each channel: otherwise Dixa lists those of calls only."""

    name = "conversation_flows"
    path = "/v1/conversations/flows"
    primary_keys = ("id", "channel")
    is_optional = True

    @override
    def read(self) -> Reader:
        flows = ChildrenSource(self.list_of(self.run), "channel", in_query=True)
        return ListReader(_distinct(flows.of_ids(CHANNELS)), [flows.source])


def _distinct(rows: Iterator[Any]) -> Iterator[Any]:
    """Yield equal rows once: whether a flow can be listed for several channels is unknown."""
    before: list[Any] = []
    for row in rows:
        if row not in before:
            before.append(row)
            yield row

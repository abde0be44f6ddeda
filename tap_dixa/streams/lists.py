"""The full-table streams: lists of the Dixa API, read completely in each run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from tap_dixa.errors import UnusableRecordError
from tap_dixa.http.client import Request
from tap_dixa.log_shapes import shown_value
from tap_dixa.read.children import ChildrenSource
from tap_dixa.read.knowledge import item_ids
from tap_dixa.read.lists import LIST_STATUSES, ListReader, ListSource, is_key, unusable_key
from tap_dixa.streams.base import DixaStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from singer_sdk.helpers.types import Record

    from tap_dixa.http.client import Client
    from tap_dixa.read.batches import Reader
    from tap_dixa.read.knowledge import Kind

CHANNELS = (
    *("Email", "ContactForm", "WidgetChat", "Messenger", "FacebookMessenger", "WhatsApp"),
    *("PstnPhone", "Callback", "Voicemail"),
)
"""The channels whose conversation flows Dixa lists."""


class ListStream(DixaStream):
    """Rows of the Dixa API: a list that is read completely in each run, unless `read` differs.

    A new one also needs ``schemas/NAME.json`` and its place in `tap_dixa.streams.STREAMS`.
    """

    rows_at: ClassVar[Sequence[str]] = ("data",)
    """Where in a response the rows are."""

    one_row: ClassVar[bool] = False
    """Whether there is one object in the place of a list of rows."""

    parameters: ClassVar[Mapping[str, str]] = {}
    """Query parameters of every request."""

    has_page_limit: ClassVar[bool] = False
    """Whether the setting `page_size` is for this list, which can be long."""

    @classmethod
    def list_of(cls, client: Client) -> ListSource:
        """Make what requests the list, for whatever stream."""
        size = client.run.settings.page_size
        limit = {"pageLimit": str(size)} if cls.has_page_limit and size else {}
        request = Request(cls.path, query={**cls.parameters, **limit}, complete=LIST_STATUSES)
        named = client.named(cls.name)  # type: ignore[misc] # each class has its own
        return ListSource(named, request, rows_at=cls.rows_at, one_row=cls.one_row)

    @override
    def read(self) -> Reader:
        source = self.list_of(self.client)
        return ListReader(source.rows(), [source], self.path)

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


class KnowledgeCollectionsStream(ListStream):
    """Collections of articles."""

    name = "knowledge_collections"
    path = "/v1/knowledge/collections"
    is_optional = True


class AnalyticsMetricsStream(ListStream):
    """The metrics of the Analytics API."""

    name = "analytics_metrics"
    path = "/v1/analytics/metrics"
    is_optional = True
    selected_by_default = False


class AnalyticsRecordTypesStream(ListStream):
    """The record types of the Analytics API."""

    name = "analytics_record_types"
    path = "/v1/analytics/records"
    is_optional = True
    selected_by_default = False


class IntelligenceRecordTypesStream(ListStream):
    """The record types of the Intelligence API."""

    name = "intelligence_record_types"
    path = "/beta/intelligence/records"
    is_optional = True
    selected_by_default = False


class QueueMembersStream(ListStream):
    """Which agents work on which queue.

    It reads the queues itself, so that it can be selected without them.
    """

    name = "queue_members"
    path = "/v1/queues/{queueId}/members"
    primary_keys = ("queueId", "agentId")

    @override
    def read(self) -> Reader:
        return _of_each(QueuesStream, "queueId", self)


class TeamMembersStream(ListStream):
    """Which agents are in which team. It reads the teams itself."""

    name = "team_members"
    path = "/v1/teams/{teamId}/agents"
    primary_keys = ("teamId", "id")

    @override
    def read(self) -> Reader:
        return _of_each(TeamsStream, "teamId", self)


class BusinessHoursDefinitionsStream(ListStream):
    """The hours of each schedule of business hours. It reads the schedules itself."""

    name = "business_hours_definitions"
    path = "/v1/business-hours/schedules/{id}/definition"
    rows_at = ("data", "schedule")
    one_row = True
    is_optional = True

    @override
    def read(self) -> Reader:
        return _of_each(BusinessHoursSchedulesStream, "id", self)


class ConversationFlowsStream(ListStream):
    """Conversation flows, requested for each channel: otherwise Dixa lists those of calls only."""

    name = "conversation_flows"
    path = "/v1/conversations/flows"
    primary_keys = ("id", "channel")
    is_optional = True

    @override
    def read(self) -> Reader:
        flows = ChildrenSource(self.list_of(self.client), "channel", in_query=True)
        return ListReader(_distinct(flows.of_ids(CHANNELS)), [flows], self.path)


class KnowledgeCategoriesStream(ListStream):
    """Categories, at every depth."""

    name = "knowledge_categories"
    path = "/v1/knowledge/categories/{id}"
    one_row = True
    is_optional = True

    @override
    def read(self) -> Reader:
        return _of_catalogs("categories", self)


class KnowledgeArticlesStream(ListStream):
    """Articles, with the draft and the published text in their default language."""

    name = "knowledge_articles"
    path = "/v1/knowledge/articles/{id}"
    one_row = True
    is_optional = True

    @override
    def read(self) -> Reader:
        return _of_catalogs("articles", self)


def _of_each(parents: type[ListStream], key: str, stream: ListStream) -> Reader:
    """Read a stream that is requested for each row of a list, which is requested first."""
    source = parents.list_of(stream.client)
    children = ChildrenSource(stream.list_of(stream.client), key)
    return ListReader(children.of_ids(source.ids()), [source, children], stream.path)


def _of_catalogs(kind: Kind, stream: ListStream) -> Reader:
    """Read the items that are named by the catalogs of all collections."""
    collections = KnowledgeCollectionsStream.list_of(stream.client)
    request = Request("/v1/knowledge/collections/{collectionId}/catalog", complete=LIST_STATUSES)
    catalog = ListSource(collections.client, request, one_row=True, is_raw=True)
    catalogs = ChildrenSource(catalog, "collectionId")
    items = ChildrenSource(stream.list_of(stream.client), "id")
    ids = item_ids(kind, catalogs.of_ids(collections.ids()))
    return ListReader(items.of_ids(ids), [collections, catalogs, items], stream.path)


def _distinct(rows: Iterator[Any]) -> Iterator[Any]:
    """Yield equal rows once: whether a flow can be listed for several channels is unknown."""
    before: list[Any] = []
    for row in rows:
        if row not in before:
            before.append(row)
            yield row

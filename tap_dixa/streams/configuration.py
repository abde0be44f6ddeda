"""Full-table streams of what an account has set up, beside `tap_dixa.streams.full_table`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_dixa.streams.children import ChildStream, MembersStream
from tap_dixa.streams.optional import OptionalStream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from urllib.parse import ParseResult

    from singer_sdk.helpers.types import Context, Record

    from tap_dixa.errors import RefusedError

CHANNELS = (
    *("Email", "ContactForm", "WidgetChat", "Messenger", "FacebookMessenger", "WhatsApp"),
    *("PstnPhone", "Callback", "Voicemail"),
)
"""The channels whose conversation flows Dixa lists."""


class OrganizationStream(OptionalStream):
    """The organization that the token belongs to: one row."""

    name = "organization"
    path = "/v1/organization"
    primary_keys = ("id",)
    one_row = True


class AiAgentsStream(OptionalStream):
    """AI agents."""

    name = "ai_agents"
    path = "/v1/ai-agents"
    primary_keys = ("id",)


class ConversationFlowsStream(ChildStream):
    """Conversation flows, requested for each channel: otherwise Dixa lists those of calls only."""

    name = "conversation_flows"
    path = "/v1/conversations/flows"
    primary_keys = ("id", "channel")
    parent_key = "channel"
    is_optional = True

    @override
    def read_list(self) -> Iterator[Record]:
        # Whether a flow can be listed for several channels is not documented.
        emitted: list[Record] = []
        for _, records in self.children_of(CHANNELS, reversed(CHANNELS)):
            for record in (record for record in records if record not in emitted):
                emitted.append(record)
                yield record

    @override
    def is_gone(self, error: RefusedError) -> bool:
        return False  # a channel is not deleted: its flows exist, and are not sent

    @override
    def get_url_params(
        self, context: Context | None, next_page_token: ParseResult | None
    ) -> dict[str, Any]:
        return {**(context or {}), **super().get_url_params(context, next_page_token)}


class TemplatesStream(OptionalStream):
    """Templates of both types: quick responses and automatic replies to emails."""

    name = "templates"
    path = "/v1/templates"
    primary_keys = ("id",)


class BusinessHoursSchedulesStream(OptionalStream):
    """Schedules of business hours."""

    name = "business_hours_schedules"
    path = "/v1/business-hours/schedules"
    primary_keys = ("id",)
    rows = ("data", "schedules")


class BusinessHoursDefinitionsStream(MembersStream):
    """The hours of each schedule of business hours."""

    name = "business_hours_definitions"
    path = "/v1/business-hours/schedules/{id}/definition"
    primary_keys = ("id",)
    rows = ("data", "schedule")
    one_row = True
    is_optional = True
    parent = BusinessHoursSchedulesStream
    parent_key = "id"

"""The streams: what each one is called, where it comes from and what it is ordered by."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from tap_dixa.activity import LogStream
from tap_dixa.api import ApiStream, MembersStream
from tap_dixa.erasure import RefreshedMessages
from tap_dixa.export import ExportStream
from tap_dixa.notes import NotesStream

if TYPE_CHECKING:
    from typing import Any

    from singer_sdk.helpers.types import Context, Record

    from tap_dixa.client import DixaStream


class ConversationsStream(ExportStream):
    """Conversations in their newest state."""

    name = "conversations"
    path = "/v1/conversation_export"
    primary_keys = ("id",)
    replication_key = cursor = "updated_at"


class MessagesStream(RefreshedMessages):
    """Messages, each exported by the time it was created: Dixa offers no other filter."""

    name = "messages"
    path = "/v1/message_export"
    primary_keys = ("id",)
    replication_key = cursor = "created_at"
    # Seen live under the one name, documented under the other.
    other_names: ClassVar = {"form_submission": "formSubmission"}


class AgentsStream(ApiStream):
    """Agents and administrators."""

    name = "agents"
    path = "/v1/agents"
    primary_keys = ("id",)


class EndUsersStream(ApiStream):
    """End users: the customers. Dixa also calls them contacts."""

    name = "end_users"
    path = "/v1/endusers"
    primary_keys = ("id",)


class QueuesStream(ApiStream):
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


class TeamsStream(ApiStream):
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


class TagsStream(ApiStream):
    """Tags, deactivated ones too: old conversations have them."""

    name = "tags"
    path = "/v1/tags"
    primary_keys = ("id",)
    parameters: ClassVar = {"includeDeactivated": "true"}


class CustomAttributesStream(ApiStream):
    """What custom fields there are, and what they may hold."""

    name = "custom_attributes"
    path = "/v1/custom-attributes"
    primary_keys = ("id",)


class ContactEndpointsStream(ApiStream):
    """The addresses and numbers at which an organization can be reached."""

    name = "contact_endpoints"
    path = "/v1/contact-endpoints"
    primary_keys = ("contactEndpointId",)

    @override
    def finish(self, row: Any, context: Context | None) -> Record:
        # Dixa's conversation flows know an endpoint by its address or number.
        if isinstance(row, dict):
            row["contactEndpointId"] = row.get("address") or row.get("number")
        return super().finish(row, context)


class BusinessHoursSchedulesStream(ApiStream):
    """Schedules of business hours."""

    name = "business_hours_schedules"
    path = "/v1/business-hours/schedules"
    primary_keys = ("id",)
    rows = ("data", "schedules")


class ActivityLogsStream(LogStream):
    """What happened to conversations, entry by entry."""

    name = "activity_logs"
    path = "/v1/conversations/activitylog"
    primary_keys = ("id",)
    replication_key = cursor = "activityTimestamp"


class ConversationNotesStream(NotesStream):
    """Internal notes. Off unless selected: they cost a request a conversation."""

    name = "conversation_notes"
    path = ConversationsStream.path
    primary_keys = ("id",)
    replication_key = "conversationUpdatedAt"
    cursor = ConversationsStream.cursor
    selected_by_default = False


STREAMS: tuple[type[DixaStream], ...] = (
    ConversationsStream,
    MessagesStream,
    AgentsStream,
    EndUsersStream,
    QueuesStream,
    QueueMembersStream,
    TeamsStream,
    TeamMembersStream,
    TagsStream,
    CustomAttributesStream,
    ContactEndpointsStream,
    BusinessHoursSchedulesStream,
    ActivityLogsStream,
    ConversationNotesStream,
)
"""All of them. The SDK syncs them in the order of their names."""

"""The streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_dixa.streams.activity_logs import ActivityLogsStream
from tap_dixa.streams.analytics import (
    AnalyticsMetricsStream,
    AnalyticsRecordsStream,
    AnalyticsRecordTypesStream,
    IntelligenceRecordsStream,
    IntelligenceRecordTypesStream,
)
from tap_dixa.streams.children import QueueMembersStream, TeamMembersStream
from tap_dixa.streams.configuration import (
    AiAgentsStream,
    BusinessHoursDefinitionsStream,
    BusinessHoursSchedulesStream,
    ConversationFlowsStream,
    OrganizationStream,
    TemplatesStream,
)
from tap_dixa.streams.conversation_notes import ConversationNotesStream
from tap_dixa.streams.conversation_ratings import ConversationRatingsStream
from tap_dixa.streams.conversations import ConversationsStream
from tap_dixa.streams.full_table import (
    AgentsStream,
    ContactEndpointsStream,
    CustomAttributesStream,
    EndUsersStream,
    QueuesStream,
    TagsStream,
    TeamsStream,
)
from tap_dixa.streams.knowledge import (
    KnowledgeArticlesStream,
    KnowledgeCategoriesStream,
    KnowledgeCollectionsStream,
)
from tap_dixa.streams.messages import MessagesStream

if TYPE_CHECKING:
    from tap_dixa.client import DixaStream

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
    BusinessHoursDefinitionsStream,
    ConversationFlowsStream,
    TemplatesStream,
    OrganizationStream,
    AiAgentsStream,
    KnowledgeCollectionsStream,
    KnowledgeCategoriesStream,
    KnowledgeArticlesStream,
    ActivityLogsStream,
    ConversationNotesStream,
    ConversationRatingsStream,
    AnalyticsRecordsStream,
    AnalyticsRecordTypesStream,
    AnalyticsMetricsStream,
    IntelligenceRecordsStream,
    IntelligenceRecordTypesStream,
)
"""All of them, in the order in which they are synced."""

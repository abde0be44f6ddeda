"""The streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_dixa.streams.analytics import AnalyticsRecordsStream, IntelligenceRecordsStream
from tap_dixa.streams.conversation_rows import ConversationNotesStream, ConversationRatingsStream
from tap_dixa.streams.exports import ActivityLogsStream, ConversationsStream, MessagesStream
from tap_dixa.streams.lists import (
    AgentsStream,
    AiAgentsStream,
    AnalyticsMetricsStream,
    AnalyticsRecordTypesStream,
    BusinessHoursDefinitionsStream,
    BusinessHoursSchedulesStream,
    ContactEndpointsStream,
    ConversationFlowsStream,
    CustomAttributesStream,
    EndUsersStream,
    IntelligenceRecordTypesStream,
    KnowledgeArticlesStream,
    KnowledgeCategoriesStream,
    KnowledgeCollectionsStream,
    OrganizationStream,
    QueueMembersStream,
    QueuesStream,
    TagsStream,
    TeamMembersStream,
    TeamsStream,
    TemplatesStream,
)

if TYPE_CHECKING:
    from tap_dixa.streams.base import DixaStream

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

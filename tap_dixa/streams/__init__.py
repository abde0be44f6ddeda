"""The streams."""

from tap_dixa.streams import analytics, exports, knowledge, lists
from tap_dixa.streams.base import DixaStream

STREAMS: tuple[type[DixaStream], ...] = (
    exports.ConversationsStream,
    exports.MessagesStream,
    lists.AgentsStream,
    lists.EndUsersStream,
    lists.QueuesStream,
    lists.QueueMembersStream,
    lists.TeamsStream,
    lists.TeamMembersStream,
    lists.TagsStream,
    lists.CustomAttributesStream,
    lists.ContactEndpointsStream,
    lists.BusinessHoursSchedulesStream,
    lists.BusinessHoursDefinitionsStream,
    lists.ConversationFlowsStream,
    lists.TemplatesStream,
    lists.OrganizationStream,
    lists.AiAgentsStream,
    lists.AgentPresenceStream,
    knowledge.KnowledgeCollectionsStream,
    knowledge.KnowledgeCategoriesStream,
    knowledge.KnowledgeArticlesStream,
    exports.ActivityLogsStream,
    exports.ConversationNotesStream,
    exports.ConversationRatingsStream,
    exports.LinkedConversationsStream,
    analytics.AnalyticsRecordsStream,
    analytics.AnalyticsRecordTypesStream,
    analytics.AnalyticsMetricsStream,
    analytics.IntelligenceRecordsStream,
    analytics.IntelligenceRecordTypesStream,
)
"""All of them, in the order in which they are synced."""

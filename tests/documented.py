"""What Dixa documents of the streams of its API, as their schemas must have it."""

from __future__ import annotations

# The streams of the Dixa API: the key, and Dixa's own fields in the order of its OpenAPI file.
DIXA_API = {
    "agents": (
        ("id",),
        """id createdAt displayName email avatarUrl phoneNumber additionalEmails
        additionalPhoneNumbers firstName lastName middleNames roles""",
    ),
    "end_users": (
        ("id",),
        """id createdAt displayName email phoneNumber additionalEmails additionalPhoneNumbers
        firstName lastName middleNames avatarUrl externalId customAttributes""",
    ),
    "queues": (
        ("id",),
        """id name isDefault organizationId queueThresholds slaCalculationMethod offerTimeout
        offeringAlgorithm memberListType usages wrapupTimeout priority
        offerAbandonedConversations doNotOfferTimeouts isDoNotOfferEnabled
        isPreferredAgentEnabled preferredAgentTimeouts preferredAgentOfflineTimeout
        personalAgentOfflineTimeout isRestricted""",
    ),
    "queue_members": (("queueId", "agentId"), "agentId priority"),
    "teams": (("id",), "id name"),
    "team_members": (("teamId", "id"), "id name email phoneNumber"),
    "tags": (("id",), "id name color state"),
    "custom_attributes": (
        ("id",),
        """id entityType identifier label inputDefinition description createdAt updatedAt
        isRequired isArchived isDeactivated""",
    ),
    # Two components in one stream, told apart by `_type`.
    "contact_endpoints": (
        ("contactEndpointId",),
        "_type address number senderOverride name functionality",
    ),
    "business_hours_schedules": (("id",), "name id"),
    "business_hours_definitions": (("id",), "id name timezone businessHours exceptions"),
    "conversation_flows": (("id", "channel"), "id name channel contactEndpointId"),
    "templates": (
        ("id",),
        """_type id name content createdBy createdAt lastEditedBy lastEditedAt translations
        subject""",
    ),
    "organization": (("id",), "id name subdomain status avatarUrl"),
    "ai_agents": (("id",), "id name systemUserId _type"),
    "knowledge_collections": (("id",), "id title description internalKbEnabled restrictions"),
    "knowledge_categories": (
        ("id",),
        "id title parentCategory parentCollections isDefaultLocation isLocked restrictions",
    ),
    "knowledge_articles": (
        ("id",),
        """id parentCategory parentCollections isDefaultLocation tags ownedBy createdBy createdAt
        updatedBy updatedAt indexedBy indexedAt restrictions translation""",
    ),
    "activity_logs": (
        ("id",),
        "id conversationId activityTimestamp activityType _type author attributes",
    ),
    "conversation_notes": (("id",), "id authorId createdAt csid message"),
    "conversation_ratings": (
        ("csid", "id", "ratingType", "questionNumber"),
        """id ratingScore ratingType ratingComment conversationChannel agentId userId ratingStatus
        language timestamps""",
    ),
    # Of a row, only `value` has a column: its fields are in one, and the key is the tap's.
    "analytics_records": (("id",), "value"),
    "analytics_record_types": (("id",), "id description fieldsMetadata filters relatedMetricIds"),
    "analytics_metrics": (("id",), "id description aggregations filters relatedRecordIds"),
    "intelligence_records": (("id",), ""),
    "intelligence_record_types": (
        ("id",),
        """id name category description deprecated primaryFilters filters fields
        relatedMetricIds""",
    ),
}
RECORD = ["id", "recordId", "timestamp", "timestampField", "conversationId", "agentId", "queueId"]
# Not of Dixa's record: the parent that was asked for it, or what stands in for an id.
ADDED = {
    "queue_members": ["queueId"],
    "team_members": ["teamId"],
    "contact_endpoints": ["contactEndpointId"],
    "conversation_notes": ["conversationUpdatedAt"],
    "conversation_ratings": ["conversationUpdatedAt", "csid", "questionNumber"],
    "analytics_records": RECORD,
    "intelligence_records": [*RECORD[:2], "category", *RECORD[2:]],
}
# After Dixa's own: every field of a row, whatever it is.
ADDED_LAST = {"analytics_records": ["fields"], "intelligence_records": ["fields"]}
INNER_FIELDS = {
    ("end_users", "customAttributes"): "id name identifier value",
    ("activity_logs", "author"): "id name email phoneNumber",
    ("templates", "translations"): "content isDeactivated locale subject",
    ("knowledge_articles", "translation"): "draft published",
    ("analytics_record_types", "fieldsMetadata"): "field description nullable",
    ("analytics_record_types", "filters"): "filterAttribute description",
    ("analytics_metrics", "aggregations"): "measure description",
    ("analytics_metrics", "filters"): "filterAttribute description",
    ("intelligence_record_types", "fields"): "id name type description",
    ("intelligence_record_types", "filters"): "attribute aliases type operators defaultOperator "
    "description",
}
TIMES = {
    ("agents", "createdAt"),
    ("end_users", "createdAt"),
    ("custom_attributes", "createdAt"),
    ("custom_attributes", "updatedAt"),
    ("activity_logs", "activityTimestamp"),
    ("conversation_notes", "createdAt"),
    ("conversation_notes", "conversationUpdatedAt"),
    ("conversation_ratings", "conversationUpdatedAt"),
    ("templates", "createdAt"),
    ("templates", "lastEditedAt"),
    *(("knowledge_articles", name) for name in ("createdAt", "updatedAt", "indexedAt")),
    *(
        ("knowledge_articles", f"translation.{text}.{name}")
        for text in ("draft", "published")
        for name in ("createdAt", "updatedAt")
    ),
    ("analytics_records", "timestamp"),
    ("intelligence_records", "timestamp"),
}
# What Dixa puts there depends on the account or the record type: one column of JSON each.
OPEN = {
    ("queues", "queueThresholds"),
    ("queues", "usages"),
    ("queues", "doNotOfferTimeouts"),
    ("queues", "preferredAgentTimeouts"),
    ("custom_attributes", "inputDefinition"),
    ("activity_logs", "attributes"),
    ("conversation_ratings", "timestamps"),
    ("analytics_records", "value"),
    ("analytics_records", "fields"),
    ("intelligence_records", "fields"),
}
# Incremental: every record must have the time that the state remembers.
REPLICATION_KEYS = {
    "activity_logs": ("activityTimestamp",),
    "conversation_notes": ("conversationUpdatedAt",),
    "conversation_ratings": ("conversationUpdatedAt",),
    "analytics_records": ("timestamp",),
    "intelligence_records": ("timestamp",),
}
# Every record is of a kind.
ALWAYS = {"analytics_records": ("recordId",), "intelligence_records": ("recordId",)}

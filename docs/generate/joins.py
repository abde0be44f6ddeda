"""How the streams join. The diagram is drawn from this list, and a test proves it on DuckDB."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Join:
    """A field of one stream that names rows of another."""

    stream: str
    """The stream that has the field."""

    field: str
    """The field, with dots into objects and ``[]`` into arrays, such as ``tags_info[].id``."""

    parents: tuple[str, ...]
    """The stream that it names a row of, or several if it can be a row of any of them."""

    key: str = "id"
    """The field of the parents that it equals."""

    optional: bool = False
    """Whether there are rows without it."""

    @property
    def described(self) -> str:
        """The field whose description tells of it: an array, if it is one of ids."""
        return self.field.removesuffix("[]")


def _joins_of_records(stream: str, types: str) -> tuple[Join, ...]:
    """Give the joins of a stream of records of several kinds."""
    return (
        Join(stream, "recordId", (types,)),
        Join(stream, "conversationId", ("conversations",), optional=True),
        Join(stream, "agentId", ("agents",), optional=True),
        Join(stream, "queueId", ("queues",), optional=True),
    )


JOINS = (
    Join("queue_members", "queueId", ("queues",)),
    Join("queue_members", "agentId", ("agents",)),
    Join("team_members", "teamId", ("teams",)),
    Join("team_members", "id", ("agents",)),
    Join("messages", "csid", ("conversations",)),
    Join("activity_logs", "conversationId", ("conversations",)),
    Join("conversation_notes", "csid", ("conversations",)),
    Join("conversation_ratings", "csid", ("conversations",)),
    Join("linked_conversations", "csid", ("conversations",)),
    Join("linked_conversations", "id", ("conversations",)),
    Join("agent_presence", "userId", ("agents",)),
    Join("conversations", "requester_id", ("end_users",)),
    Join("conversations", "assignee_id", ("agents",), optional=True),
    Join("conversations", "queue_id", ("queues",), optional=True),
    Join("conversations", "tags_info[].id", ("tags",), optional=True),
    Join(
        "conversations",
        "custom_fields[].attribute_id",
        ("custom_attributes",),
        optional=True,
    ),
    Join(
        "conversations",
        "dixa_email_integration_id",
        ("contact_endpoints",),
        "contactEndpointId",
        optional=True,
    ),
    Join(
        "conversations",
        "to_provisioned_phone_number_id",
        ("contact_endpoints",),
        "contactEndpointId",
        optional=True,
    ),
    Join(
        "conversations",
        "from_provisioned_phone_number_id",
        ("contact_endpoints",),
        "contactEndpointId",
        optional=True,
    ),
    Join("conversation_notes", "authorId", ("agents",)),
    Join("conversation_ratings", "agentId", ("agents",), optional=True),
    Join("conversation_ratings", "userId", ("end_users",)),
    *_joins_of_records("analytics_records", "analytics_record_types"),
    *_joins_of_records("intelligence_records", "intelligence_record_types"),
    Join(
        "activity_logs",
        "author.id",
        ("agents", "end_users"),
        optional=True,
    ),
    Join("activity_logs", "attributes.agentId", ("agents",), optional=True),
    Join(
        "activity_logs",
        "attributes.messageId",
        ("messages",),
        optional=True,
    ),
    Join(
        "end_users",
        "customAttributes[].id",
        ("custom_attributes",),
        optional=True,
    ),
    Join("business_hours_definitions", "id", ("business_hours_schedules",)),
    Join(
        "knowledge_categories",
        "parentCollections[]",
        ("knowledge_collections",),
        optional=True,
    ),
    Join(
        "knowledge_categories",
        "parentCategory",
        ("knowledge_categories",),
        optional=True,
    ),
    Join(
        "knowledge_articles",
        "parentCollections[]",
        ("knowledge_collections",),
        optional=True,
    ),
    Join(
        "knowledge_articles",
        "parentCategory",
        ("knowledge_categories",),
        optional=True,
    ),
    Join("queues", "organizationId", ("organization",)),
)
"""All joins by id. With the members first, the diagram's lines stay apart."""

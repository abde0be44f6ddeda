"""How the streams join. The diagram is drawn from this list, and a test proves it on DuckDB."""

from dataclasses import dataclass

_SEEMS = "Dixa does not document that this id is the endpoint's address or number."


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

    sometimes: str = ""
    """When it holds, or what is not known of it; empty if every row has it."""

    @property
    def described(self) -> str:
        """The field whose description tells of it: an array, if it is one of ids."""
        return self.field.removesuffix("[]")


def _joins_of_records(stream: str, types: str) -> tuple[Join, ...]:
    """Give the joins of a stream of records of several kinds."""
    when = "Depends on recordId."
    return (
        Join(stream, "recordId", (types,)),
        Join(stream, "conversationId", ("conversations",), sometimes=when),
        Join(stream, "agentId", ("agents",), sometimes=when),
        Join(stream, "queueId", ("queues",), sometimes=when),
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
    Join("conversations", "requester_id", ("end_users",)),
    Join("conversations", "assignee_id", ("agents",), sometimes="Null until an agent is assigned."),
    Join("conversations", "queue_id", ("queues",), sometimes="Null if there is no queue."),
    Join("conversations", "tags_info[].id", ("tags",), sometimes="None, one or more."),
    Join(
        "conversations",
        "custom_fields[].attribute_id",
        ("custom_attributes",),
        sometimes="None, one or more.",
    ),
    Join(
        "conversations",
        "dixa_email_integration_id",
        ("contact_endpoints",),
        "contactEndpointId",
        f"Emails only. {_SEEMS}",
    ),
    Join(
        "conversations",
        "to_provisioned_phone_number_id",
        ("contact_endpoints",),
        "contactEndpointId",
        f"Inbound calls only. {_SEEMS}",
    ),
    Join(
        "conversations",
        "from_provisioned_phone_number_id",
        ("contact_endpoints",),
        "contactEndpointId",
        f"Outbound calls only. {_SEEMS}",
    ),
    Join("conversation_notes", "authorId", ("agents",)),
    Join("conversation_ratings", "agentId", ("agents",), sometimes="Null if no agent is rated."),
    Join("conversation_ratings", "userId", ("end_users",)),
    *_joins_of_records("analytics_records", "analytics_record_types"),
    *_joins_of_records("intelligence_records", "intelligence_record_types"),
    Join(
        "activity_logs",
        "author.id",
        ("agents", "end_users"),
        sometimes="One or the other. Missing if nobody in particular did it.",
    ),
    Join("activity_logs", "attributes.agentId", ("agents",), sometimes="Assignments only."),
    Join(
        "activity_logs",
        "attributes.messageId",
        ("messages",),
        sometimes="Messages only. Dixa does not document that the two APIs share this id.",
    ),
    Join(
        "end_users",
        "customAttributes[].id",
        ("custom_attributes",),
        sometimes="Dixa documents that its list leaves them out.",
    ),
    Join("business_hours_definitions", "id", ("business_hours_schedules",)),
    Join(
        "knowledge_categories",
        "parentCollections[]",
        ("knowledge_collections",),
        sometimes="One or more.",
    ),
    Join(
        "knowledge_categories",
        "parentCategory",
        ("knowledge_categories",),
        sometimes="Null if the category is in no other one.",
    ),
    Join(
        "knowledge_articles",
        "parentCollections[]",
        ("knowledge_collections",),
        sometimes="One or more.",
    ),
    Join(
        "knowledge_articles",
        "parentCategory",
        ("knowledge_categories",),
        sometimes="Null if the article is in no category.",
    ),
    Join("queues", "organizationId", ("organization",)),
)
"""All joins by id. With the members first, the diagram's lines stay apart."""

"""Everything that a sandbox holds, as the tap must sync it."""

from collections import Counter
from contextlib import contextmanager

from tests import expected
from tests.conftest import HOUR, NOON
from tests.sandbox.conftest import Client

KEYS = {
    "agents": ("id",),
    "end_users": ("id",),
    "queues": ("id",),
    "queue_members": ("queueId", "agentId"),
    "teams": ("id",),
    "team_members": ("teamId", "id"),
    "tags": ("id",),
    "custom_attributes": ("id",),
    "contact_endpoints": ("contactEndpointId",),
    "business_hours_schedules": ("id",),
    "business_hours_definitions": ("id",),
    "conversation_flows": ("id", "channel"),
    "templates": ("id",),
    "organization": ("id",),
    "ai_agents": ("id",),
    "agent_presence": ("userId",),
    "knowledge_collections": ("id",),
    "knowledge_categories": ("id",),
    "knowledge_articles": ("id",),
    "activity_logs": ("id",),
}
BY_CONVERSATION = {
    "conversation_notes": ("id",),
    "conversation_ratings": ("csid", "id", "ratingType", "questionNumber"),
    "linked_conversations": ("id",),
}
"""The keys of the streams that are off by default: a request for each changed conversation."""
ROWS = {
    "conversation_notes": "notes",
    "conversation_ratings": "ratings",
    "linked_conversations": "linked",
}
"""The last part of their paths."""
LISTS = [stream for stream in KEYS if stream != "activity_logs"]
ALL = (*expected.STREAMS, *KEYS)
RECORDS = ("analytics_records", "intelligence_records")
CATALOGUES = ("analytics_record_types", "analytics_metrics", "intelligence_record_types")
EVERY = (*ALL, *BY_CONVERSATION, *RECORDS, *CATALOGUES)
FEW_CONVERSATIONS = {  # each is a request, and ten of them take a second
    "bookmarks": {
        stream: {"conversationUpdatedAt": expected.iso(NOON - 36 * HOUR)}
        for stream in BY_CONVERSATION
    }
}
CHANNELS = (
    *("WhatsApp", "Voicemail", "WidgetChat", "FacebookMessenger", "Email", "ContactForm"),
    *("Callback", "PstnPhone", "Messenger"),
)
"""Those whose flows Dixa documents that it lists."""


LINKED = ("csid", "id", "link", "conversationUpdatedAt")
"""The fields of a linked conversation."""
LOG = "/v1/conversations/activitylog"
LISTED = {
    "agents": "/v1/agents?pageLimit=7",
    "end_users": "/v1/endusers?pageLimit=1000",
    "queues": "/v1/queues",
    "teams": "/v1/teams",
    "tags": "/v1/tags?includeDeactivated=true",
    "custom_attributes": "/v1/custom-attributes",
    "contact_endpoints": "/v1/contact-endpoints",
    "ai_agents": "/v1/ai-agents",
    "templates": "/v1/templates?pageLimit=100",
    "knowledge_collections": "/v1/knowledge/collections?pageLimit=100",
    "activity_logs": f"{LOG}?pageLimit=10000",
}
"""Where the rows are of streams that are lists."""


@contextmanager
def unnoted(sandbox):
    """Give a client of a sandbox, which forgets that it was asked."""
    before = len(sandbox.answered)
    yield Client(sandbox)
    del sandbox.answered[before:]


def rows(sandbox):
    """Give every row of the sandbox's lists, as records, by stream."""
    with unnoted(sandbox) as client:
        found = {stream: client.everything(path) for stream, path in LISTED.items()}
        found["organization"] = [client.data("/v1/organization")]
        found["agent_presence"] = client.get("/v1/agents/presence").json()
        schedules = client.data("/v1/business-hours/schedules")["schedules"]
        found["business_hours_schedules"] = schedules
        hours = "/v1/business-hours/schedules/{id}/definition"
        found["business_hours_definitions"] = [
            client.data(hours.format(**schedule))["schedule"] for schedule in schedules
        ]
        flows = [client.data("/v1/conversations/flows", channel=channel) for channel in CHANNELS]
        listed = {(row["id"], row["channel"]): row for rows in flows for row in rows}
        found["conversation_flows"] = [*listed.values()]
        for kind, ids in catalogued(client, found["knowledge_collections"]).items():
            found[f"knowledge_{kind}"] = [client.data(f"/v1/knowledge/{kind}/{id_}") for id_ in ids]
        records = {name: [expected.api_record(row) for row in found[name]] for name in found}
        for stream, parents, path, name in (
            ("queue_members", "queues", "/v1/queues/{id}/members", "queueId"),
            ("team_members", "teams", "/v1/teams/{id}/agents", "teamId"),
        ):
            records[stream] = [
                expected.api_record(row, **{name: parent["id"]})
                for parent in found[parents]
                for row in client.data(path.format(**parent))
            ]
    return records


def entries(sandbox):
    """Give every entry of the activity log, as a record, by id."""
    with unnoted(sandbox) as client:
        rows = client.everything(LOG, pageLimit=10_000)
    return {row["id"]: expected.api_record(row) for row in rows}


def catalogued(client, collections):
    """Give the ids of all categories and articles that the catalogs of collections name."""
    found = {"categories": set(), "articles": set()}

    def look(part):
        for kind, ids in found.items():
            ids.update(row["id"] for row in part.get(kind, ()))
        for category in part.get("categories", ()):
            look(category)

    for collection in collections:
        look(client.data(f"/v1/knowledge/collections/{collection['id']}/catalog"))
    return found


def rows_by_conversation(sandbox, stream):
    """Give every record of a stream of `BY_CONVERSATION`, by key."""
    found, path = {}, f"/v1/conversations/{{id}}/{ROWS[stream]}"
    with unnoted(sandbox) as client:
        for csid, conversation in expected.source(sandbox.data, "conversations").items():
            updated_at = expected.iso(conversation["updated_at"])
            questions = Counter()
            for row in client.data(path.format(id=csid)):
                record = expected.api_record(row, csid=csid, conversationUpdatedAt=updated_at)
                if stream == "linked_conversations":
                    # What else may change or be erased is not the parent's.
                    record = {name: record[name] for name in LINKED}
                if stream == "conversation_ratings":
                    questions[row["ratingType"]] += 1
                    record["questionNumber"] = questions[row["ratingType"]]
                found[key(stream, record)] = record
    return found


def exported(sandbox, stream):
    """Give every record of an export as the sandbox sends it, as the tap must emit it, by id."""
    field = expected.CURSORS[stream].removesuffix("_at")
    query = {f"{field}_after": sandbox.data.start, f"{field}_before": sandbox.data.now()}
    with unnoted(sandbox) as client:
        records = client.get(f"/v1/{stream.removesuffix('s')}_export", **query).json()
    return {record["id"]: expected.record(record) for record in records}


def key(stream, record):
    """Give a record's key."""
    return tuple(record[name] for name in {**KEYS, **BY_CONVERSATION}.get(stream, ("id",)))


def by_key(stream, records):
    """Give a stream's records by key: of those with the same one, the last."""
    return {key(stream, record): record for record in records}


def records_of(sandbox):
    """Give every record of every stream but those of `BY_CONVERSATION`, by stream and key."""
    listed = rows(sandbox)
    for stream in expected.STREAMS:
        listed[stream] = expected.records(sandbox.data, stream).values()
    return {stream: by_key(stream, listed[stream]) for stream in ALL}

"""Everything that a sandbox holds, as the tap must sync it."""

from __future__ import annotations

from collections import Counter

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
    "knowledge_collections": ("id",),
    "knowledge_categories": ("id",),
    "knowledge_articles": ("id",),
    "activity_logs": ("id",),
}
BY_CONVERSATION = {
    "conversation_notes": ("id",),
    "conversation_ratings": ("csid", "id", "ratingType", "questionNumber"),
}
"""The keys of the streams that are off by default: a request for each changed conversation."""
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


def rows(sandbox):
    """Give every row of the sandbox's lists, as records, by stream."""
    client = Client(sandbox)
    before = len(sandbox.answered)
    found = {
        "agents": client.everything("/v1/agents", pageLimit=7),
        "end_users": client.everything("/v1/endusers", pageLimit=1000),
        "queues": client.data("/v1/queues"),
        "teams": client.data("/v1/teams"),
        "tags": client.data("/v1/tags", includeDeactivated="true"),
        "custom_attributes": client.data("/v1/custom-attributes"),
        "contact_endpoints": client.data("/v1/contact-endpoints"),
        "business_hours_schedules": client.data("/v1/business-hours/schedules")["schedules"],
        "organization": [client.data("/v1/organization")],
        "ai_agents": client.data("/v1/ai-agents"),
        "templates": client.everything("/v1/templates", pageLimit=100),
        "knowledge_collections": client.everything("/v1/knowledge/collections", pageLimit=100),
        "activity_logs": client.everything("/v1/conversations/activitylog", pageLimit=10_000),
    }
    flows = [client.data("/v1/conversations/flows", channel=channel) for channel in CHANNELS]
    listed = {(row["id"], row["channel"]): row for rows in flows for row in rows}
    found["conversation_flows"] = [*listed.values()]
    hours = "/v1/business-hours/schedules/{}/definition"
    found["business_hours_definitions"] = [
        client.data(hours.format(row["id"]))["schedule"]
        for row in found["business_hours_schedules"]
    ]
    for kind, ids in catalogued(client, found["knowledge_collections"]).items():
        found[f"knowledge_{kind}"] = [client.data(f"/v1/knowledge/{kind}/{one}") for one in ids]
    records = {name: [expected.api_record(row) for row in found[name]] for name in found}
    for stream, parents, path, name in (
        ("queue_members", "queues", "/v1/queues/{}/members", "queueId"),
        ("team_members", "teams", "/v1/teams/{}/agents", "teamId"),
    ):
        records[stream] = [
            expected.api_record(row, **{name: parent["id"]})
            for parent in found[parents]
            for row in client.data(path.format(parent["id"]))
        ]
    del sandbox.answered[before:]
    return records


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
    client = Client(sandbox)
    before = len(sandbox.answered)
    found = {}
    for csid, conversation in expected.source(sandbox.data, "conversations").items():
        updated_at = expected.iso(conversation["updated_at"])
        questions = Counter()
        for row in client.data(f"/v1/conversations/{csid}/{stream.partition('_')[2]}"):
            record = expected.api_record(row, csid=csid, conversationUpdatedAt=updated_at)
            if stream == "conversation_ratings":
                questions[row["ratingType"]] += 1
                record["questionNumber"] = questions[row["ratingType"]]
            found[key(stream, record)] = record
    del sandbox.answered[before:]
    return found


def exported(sandbox, stream):
    """Give every record of an export as the sandbox sends it, as the tap must emit it, by id."""
    path, end = f"/v1/{stream.removesuffix('s')}_export", sandbox.data.now()
    field = expected.CURSORS[stream].removesuffix("_at")
    before = len(sandbox.answered)
    query = {f"{field}_after": sandbox.data.start, f"{field}_before": end}
    records = Client(sandbox).get(path, **query).json()
    del sandbox.answered[before:]
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

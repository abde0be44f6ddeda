"""Everything that a sandbox holds, as the tap must sync it."""

from __future__ import annotations

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
    "activity_logs": ("id",),
}
LISTS = [stream for stream in KEYS if stream != "activity_logs"]
ALL = (*expected.STREAMS, *KEYS)
EVERY = (*ALL, "conversation_notes")
FEW_NOTES = {  # each conversation is a request, and ten of them take a second
    "bookmarks": {"conversation_notes": {"conversationUpdatedAt": expected.iso(NOON - 36 * HOUR)}}
}


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
        "activity_logs": client.everything("/v1/conversations/activitylog", pageLimit=10_000),
    }
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
    return tuple(record[name] for name in KEYS.get(stream, ("id",)))


def records_of(sandbox):
    """Give every record of every stream but the notes, by stream and key."""
    listed = rows(sandbox)
    for stream in expected.STREAMS:
        listed[stream] = expected.records(sandbox.data, stream).values()
    return {stream: {key(stream, record): record for record in listed[stream]} for stream in ALL}

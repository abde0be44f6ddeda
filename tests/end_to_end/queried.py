"""Records of the Analytics and the Intelligence API, as the tap must emit them."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from tap_dixa_sandbox import analytics, intelligence
from tap_dixa_sandbox.filters import Bounds, Interval
from tap_dixa_sandbox.server import Sandbox
from tests.expected import rfc3339

ANALYTICS = ("ratings", "closed_conversations", "first_response_time")
INTELLIGENCE = {
    "closedConversations": "conversations",
    "responseTime": "conversations",
    "agentPresenceDuration": "agents",
    "aiAgentJoined": "aiagents",
}


def rows_of(sandbox: Sandbox, kind: str) -> list[dict[str, Any]]:
    """Give every row of a kind."""
    data, now = sandbox.data, sandbox.data.now()
    rows = analytics.rows if kind in ANALYTICS else intelligence.rows
    return rows(data, kind, Interval(data.start, now, Bounds()), now)


def analytics_records(sandbox: Sandbox) -> Counter[str]:
    """Count what the tap must emit of each row, but the key."""
    records = []
    for kind in ANALYTICS:
        for row in rows_of(sandbox, kind):
            fields = {field["name"]: field["field"] for field in row["fields"]}
            values = {name: field.get("value") for name, field in fields.items()}
            record = {
                "recordId": kind,
                "timestamp": rfc3339(row["primaryTimestampField"]["timestamp"]),
                "timestampField": row["primaryTimestampField"]["name"],
                "conversationId": values.get("conversation_id", values.get("csid")),
                "agentId": values.get("agent_id"),
                "queueId": values.get("queue_id", values.get("queue")),
                "value": row.get("value"),
                "fields": fields,
            }
            records.append(record)
    return counted(records)


def intelligence_records(sandbox: Sandbox) -> Counter[str]:
    """Count what the tap must emit of each row, but the key and the timestamp."""
    records = [
        {
            "recordId": kind,
            "category": category,
            "conversationId": row.get("conversationId", {}).get("value"),
            "agentId": row.get("agent", {}).get("value"),
            "queueId": row.get("queue", {}).get("value"),
            "fields": row,
        }
        for kind, category in INTELLIGENCE.items()
        for row in rows_of(sandbox, kind)
    ]
    return counted(records)


def counted(records: Iterable[dict[str, Any]], *but: str) -> Counter[str]:
    """Count records without their keys and other columns, and without a stream map's nulls."""
    optional = ("value", "timestampField", "additional_properties")
    found: Counter[str] = Counter()
    for record in records:
        nulls = {name for name in optional if record.get(name) is None}
        left_out = {"id", *but, *nulls}
        found[text({name: record[name] for name in record.keys() - left_out})] += 1
    return found


def text(value: Any) -> str:
    """Give what two equal values have in common, as something to count."""
    return json.dumps(value, sort_keys=True)


def bookmarks(state: dict[str, Any], stream: str) -> dict[str, str | None]:
    """Give the bookmark of each record type in a state."""
    partitions = state["bookmarks"].get(stream, {}).get("partitions", [])
    return {part["context"]["recordId"]: part.get("replication_key_value") for part in partitions}


def times_by_kind(records: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Give the timestamps of each record type's records, which came in their order."""
    times = defaultdict(list)
    for record in records:
        times[record["recordId"]].append(record["timestamp"])
    assert all(mine == sorted(mine) for mine in times.values())
    return times

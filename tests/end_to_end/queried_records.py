"""Records of the Analytics and the Intelligence API, as the tap must emit them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.end_to_end.queried import ANALYTICS, INTELLIGENCE, analytics, intelligence, text
from tests.expected import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_dixa_sandbox.server import Sandbox


def analytics_records(sandbox: Sandbox) -> Counter[str]:
    """Count what the tap must emit of each row, but the key."""
    found: Counter[str] = Counter()
    for kind in ANALYTICS:
        for row in analytics(sandbox, kind):
            fields = {field["name"]: field["field"] for field in row["fields"]}
            values = {name: field.get("value") for name, field in fields.items()}
            record = {
                "recordId": kind,
                "timestamp": rfc3339(row["primaryTimestampField"]["timestamp"]),
                "timestampField": row["primaryTimestampField"]["name"],
                "conversationId": values.get("conversation_id", values.get("csid")),
                "agentId": values.get("agent_id"),
                "queueId": values.get("queue_id", values.get("queue")),
                "fields": fields,
                **({"value": row["value"]} if "value" in row else {}),
            }
            found[text(record)] += 1
    return found


def intelligence_records(sandbox: Sandbox) -> Counter[str]:
    """Count what the tap must emit of each row, but the key and the timestamp."""
    found: Counter[str] = Counter()
    for kind, category in INTELLIGENCE.items():
        for row in intelligence(sandbox, kind):
            values = {name: cell["value"] for name, cell in row.items()}
            record = {
                "recordId": kind,
                "category": category,
                "conversationId": values.get("conversationId"),
                "agentId": values.get("agent"),
                "queueId": values.get("queue"),
                "fields": row,
            }
            found[text(record)] += 1
    return found


def counted(records: Iterable[dict[str, Any]], *but: str) -> Counter[str]:
    """Count records without their keys, and without what is null for a stream map alone.

    Args:
        records: The records.
        but: More columns that are not looked at.
    """
    optional = ("value", "timestampField", "additional_properties")
    return Counter(
        text(
            {
                name: value
                for name, value in record.items()
                if name not in {"id", *but} and (name not in optional or value is not None)
            }
        )
        for record in records
    )

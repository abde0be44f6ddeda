"""The Intelligence API: its catalogue, and the rows of each record type.

Dixa does not document what a row is. Here it is an object of cells, each with a value and perhaps
a label, which is what its description of a query comes closest to.
"""

from collections.abc import Iterator
from random import Random
from typing import Any
from uuid import UUID, uuid5

from tap_dixa_sandbox import presence
from tap_dixa_sandbox.dataset import DataSet
from tap_dixa_sandbox.filters import Interval
from tap_dixa_sandbox.life import Life
from tap_dixa_sandbox.times import instant

Row = dict[str, Any]
Cells = dict[str, dict[str, Any]]

_MIM = UUID("6f1c4f6e-31a5-4d5e-8a57-d1ca30000000")
_KINDS = {
    "closedConversations": ("conversations", "Closed conversations", False),
    "responseTime": ("conversations", "Response time", False),
    "agentPresenceDuration": ("agents", "Agent presence", False),
    "aiAgentJoined": ("aiagents", "AI agent joined", True),
}


def ids(category: str) -> set[str]:
    """List the ids of a category's record types."""
    return {kind for kind, (own, *_) in _KINDS.items() if own == category}


def record_types() -> list[Row]:
    """List the record types."""
    return [
        {
            "id": kind,
            "name": name,
            "category": own,
            "description": f"{name}, one row each",
            "deprecated": deprecated,
            "primaryFilters": ["period"] + ["conversationIds"] * (own == "conversations"),
            "filters": [
                {
                    "attribute": "agent",
                    "aliases": ["agentId"],
                    "type": "Uuid",
                    "operators": ["IsEmpty", "IsNotEmpty", "IsOne", "IsNotOne"],
                    "defaultOperator": "IsOne",
                    "description": "The agent",
                }
            ],
            "fields": [{"id": "agent", "name": "Agent"}],
            "relatedMetricIds": [kind],
        }
        for kind, (own, name, deprecated) in _KINDS.items()
    ]


def rows(data: DataSet, kind: str, interval: Interval, as_of: int) -> list[Cells]:
    """Find the rows of a record type, in no order.

    Args:
        data: The data.
        kind: The record id.
        interval: The period.
        as_of: What was visible at this time is found (Unix ms, not after now).

    Returns:
        The cells of each row. The same arguments give the same rows in the same order.
    """
    if kind == "agentPresenceDuration":
        found = list(_presence(data, interval, as_of))
    else:
        found = [
            _conversation(data, kind, life, time)
            for life in data.lives(interval)
            if (time := _time(kind, life)) is not None
            and time <= life.seen_at(as_of)
            and interval(time)
        ]
    Random(as_of).shuffle(found)
    return found


def _time(kind: str, life: Life) -> int | None:
    if kind == "closedConversations":
        return life.closed
    if kind == "responseTime":
        return life.assigned
    return life.messages[1] if len(life.messages) > 1 and life.automated(1) else None


def _conversation(data: DataSet, kind: str, life: Life, time: int) -> Cells:
    row: Cells = {
        "conversationId": {"value": life.number},
        "queue": {"value": life.queue.id, "label": life.queue.name},
    }
    if kind == "aiAgentJoined":
        mim = str(uuid5(_MIM, str(data.desk.seed)))
        return {**row, "aiAgent": {"value": mim, "label": "Mim"}, "joinedAt": _instant(time)}
    row["createdAt"] = _instant(life.created)
    # A column without a value is absent.
    if time % 86_400_000:
        row["agent"] = {"value": life.agent.id, "label": life.agent.name}
    if kind == "closedConversations":
        tags = data.desk.some_tags(Random(life.bits))
        if tags:
            row["tags"] = {"value": [tag.id for tag in tags], "label": [tag.name for tag in tags]}
        return {**row, "closedAt": _instant(time)}
    return {**row, "respondedAt": _instant(time), "duration": {"value": time - life.created}}


def _presence(data: DataSet, interval: Interval, as_of: int) -> Iterator[Cells]:
    """Find the intervals that start in a period. One that has not ended has no end."""
    for found in presence.intervals(data.desk, interval.after, min(interval.before, as_of)):
        if interval(found.start):
            row: Cells = {
                "agent": {"value": found.agent.id, "label": found.agent.name},
                "startedAt": _instant(found.start),
                "status": {"value": found.status, "label": found.status},
                "duration": {"value": min(found.end, as_of) - found.start},
            }
            yield {**row, "endedAt": _instant(found.end)} if found.end <= as_of else row


def _instant(time: int) -> dict[str, Any]:
    return {"value": instant(time)}

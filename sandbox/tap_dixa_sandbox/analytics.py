"""The Analytics API: its catalogues, and the rows of each record type.

Its rows are the exports' conversations, seen another way: what is closed there is closed here.
"""

from random import Random
from typing import Any

from tap_dixa_sandbox.dataset import DataSet
from tap_dixa_sandbox.desk import CHANNELS, EMAIL, HELP, HOTLINE, PHONE
from tap_dixa_sandbox.filters import Interval
from tap_dixa_sandbox.life import Life
from tap_dixa_sandbox.times import instant

Row = dict[str, Any]

FILTERS = ("agent_id", "queue_id", "channel", "initial_direction")
_DIRECTIONS = {"INBOUND": "Inbound", "OUTBOUND": "Outbound"}
_KINDS = {
    "ratings": (
        "Conversation ratings",
        "csat",
        ("conversation_id", "agent_id", "queue_id"),
    ),
    "closed_conversations": (
        "Closed conversation data",
        "closed_conversations",
        ("closed_at", "conversation_id", "agent_id", "queue_id", "closed_by", "tags"),
    ),
    "first_response_time": (
        "Time until a conversation was assigned",
        "first_response_time",
        ("csid", "queue", "contact_point", "initial_channel", "initial_direction"),
    ),
}
_NULLABLE = {"agent_id", "queue_id", "tags", "queue", "contact_point"}
_MEASURES = {
    "csat": ("Percentage",),
    "closed_conversations": ("Count",),
    "first_response_time": ("Min", "Max", "Average"),
}


def record_types() -> list[Row]:
    """List the record types."""
    return [
        {
            "id": kind,
            "description": description,
            "fieldsMetadata": [
                {"field": field, "description": f"The {field}", "nullable": field in _NULLABLE}
                for field in fields
            ],
            "filters": _filters(),
            "relatedMetricIds": [metric],
        }
        for kind, (description, metric, fields) in _KINDS.items()
    ]


def metrics() -> list[Row]:
    """List the metrics."""
    return [
        {
            "id": metric,
            "description": description,
            "aggregations": [
                {"measure": measure, "description": f"The {measure}"}
                for measure in _MEASURES[metric]
            ],
            "filters": _filters(),
            "relatedRecordIds": [kind],
        }
        for kind, (description, metric, _) in _KINDS.items()
    ]


def _filters() -> list[Row]:
    return [
        {"filterAttribute": attribute, "description": f"Used to filter by the {attribute}"}
        for attribute in FILTERS
    ]


def filter_values(data: DataSet, attribute: str) -> list[Row]:
    """List the values that a filter can have.

    Raises:
        LookupError: There is no such filter.
    """
    values = {
        "agent_id": {agent.id: agent.name for agent in data.desk.agents},
        "queue_id": {queue.id: queue.name for queue in data.desk.queues},
        "channel": {channel.upper(): channel.capitalize() for channel in CHANNELS},
        "initial_direction": _DIRECTIONS,
    }[attribute]
    return [{"value": value, "label": label} for value, label in values.items()]


def rows(data: DataSet, kind: str, interval: Interval, as_of: int) -> list[Row]:
    """Find the rows of a record type, in no order.

    Args:
        data: The data.
        kind: The record id.
        interval: The interval that their times lie in.
        as_of: What was visible at this time is found (Unix ms, not after now).

    Returns:
        The rows. The same arguments give the same rows in the same order.
    """
    found = [
        _row(data, kind, life, time, place)
        for life in data.lives(interval)
        for place, time in enumerate(_times(kind, life))
        if time <= life.seen_at(as_of) and interval(time)
    ]
    Random(as_of).shuffle(found)
    return found


def _times(kind: str, life: Life) -> list[int]:
    """List when a conversation makes a row of a kind."""
    time = {
        "ratings": life.rated,
        "closed_conversations": life.closed,
        "first_response_time": life.assigned,
    }[kind]
    # Some surveys have two questions: rows that differ in their value alone, or not at all.
    again = kind == "ratings" and life.bits & 3 == 3
    return [] if time is None else [time] * (2 if again else 1)


def _row(data: DataSet, kind: str, life: Life, time: int, place: int) -> Row:
    agent = _cell("UUID", life.agent.id, life.agent.name)
    queue = _cell("UUID", life.queue.id, life.queue.name)
    conversation = _cell("Long", life.number)
    name, value = "created_at", None
    if kind == "ratings":
        fields = {"conversation_id": conversation, "agent_id": agent, "queue_id": queue}
        score = life.rating_score or 0
        name, value = "rated_at", _cell("Long", score + (place if life.bits & 4 else 0))
    elif kind == "closed_conversations":
        name = "closed_at"
        nobody = time % 86_400_000 == 0
        fields = {
            "closed_at": _cell("Instant", instant(time)),
            "conversation_id": conversation,
            **({} if nobody else {"agent_id": agent}),
            "queue_id": queue,
            "closed_by": _cell("String", "UNKNOWN" if nobody else "AGENT"),
            "tags": {"values": _tags(data, life), "_type": "ListField"},
        }
    else:
        value = _cell("Long", life.assigned - life.created)
        direction = "INBOUND" if life.inbound else "OUTBOUND"
        fields = {
            "csid": conversation,
            "queue": queue,
            **_contact_point(life),
            "initial_channel": _cell("String", life.channel.upper(), life.channel.capitalize()),
            "initial_direction": _cell("String", direction, _DIRECTIONS[direction]),
        }
    row: Row = {"primaryTimestampField": {"name": name, "timestamp": instant(time)}}
    if value is not None:
        row["value"] = value
    return {**row, "fields": [{"name": one, "field": cell} for one, cell in fields.items()]}


def _contact_point(life: Life) -> Row:
    point = HOTLINE if life.channel in PHONE else HELP if life.channel in EMAIL else None
    return {} if point is None else {"contact_point": _cell("String", point)}


def _tags(data: DataSet, life: Life) -> list[Row]:
    return [_cell("UUID", tag.id, tag.name) for tag in data.desk.some_tags(Random(life.bits))]


def _cell(kind: str, value: Any, label: str | None = None) -> Row:
    cell = {"value": value, "_type": f"{kind}Field"}
    return cell if label is None else {**cell, "label": label}

"""The staging models of ``transform/``: columns, descriptions and tests of the streams."""

import json
import re
from collections.abc import Iterator
from typing import Any

from docs.generate.fields import fields_of, unit_of
from docs.generate.joins import JOINS
from docs.generate.plugin import streams
from tap_dixa.streams.base import SCHEMAS, DixaStream

KEYS = {
    "conversations": "conversation_id",
    "messages": "message_id",
    "agents": "agent_id",
    "end_users": "end_user_id",
    "queues": "queue_id",
    "queue_members": "",
    "teams": "team_id",
    "team_members": "",
    "tags": "tag_id",
    "custom_attributes": "custom_attribute_id",
    "business_hours_definitions": "schedule_id",
    "activity_logs": "activity_id",
    "conversation_notes": "note_id",
    "conversation_ratings": "survey_id",
    "analytics_records": "record_id",
    "intelligence_records": "record_id",
}
"""The streams that have a model, and what it calls their ``id``."""

_NAMES = {
    "requester_id": "end_user_id",
    "userId": "end_user_id",
    "assignee_id": "agent_id",
    "authorId": "agent_id",
    "csid": "conversation_id",
    "activityTimestamp": "occurred_at",
    "timestamp": "occurred_at",
    "timestampField": "occurred_at_is",
    "_type": "activity_type",
    "recordId": "record_type_id",
    "from": "from_address",
    "to": "to_addresses",
    "cc": "cc_addresses",
    "bcc": "bcc_addresses",
}
"""Fields that are not called by their own name, in snake_case."""
_LEFT_OUT = {"activityType"}
"""Fields that Dixa has deprecated in favour of others with the same content."""
_TYPES = {"string": "text", "object": "json", "array": "json"}
_CHANNELS = [
    *("api", "callback", "chat", "contactform", "email", "facebookmessenger", "messenger"),
    *("pstnphone", "sms", "twitter", "voicemail", "whatsapp", "widgetchat"),
]
_SEEN = {
    ("conversations", "initial_channel"): _CHANNELS,
    ("conversations", "direction"): ["inbound", "outbound"],
    ("conversations", "status"): ["closed", "open", "pending"],
    ("messages", "initial_channel"): _CHANNELS,
    ("messages", "direction"): ["inbound", "outbound"],
    ("tags", "state"): ["Active", "Inactive"],
}
"""Values of open sets: others are a warning."""
_ORPHANS = 0.05
"""Which share of references may name nothing: rows that were deleted in Dixa."""
_HEAD = """\
# Generated: uv run --group test python -m docs.generate

sources:
- name: dixa
  description: The tables that tap-dixa loads.
  schema: "{{ var('dixa_schema', 'dixa') }}"
  tables:
"""


def page() -> str:
    """Write the YAML of the staging models."""
    having = [stream for stream in streams() if stream.name in KEYS]
    lines = [line for stream in having for line in _source(stream)]
    lines += ["", "models:", *(line for stream in having for line in _model(stream))]
    return _HEAD + "\n".join(lines) + "\n"


def _source(stream: DixaStream) -> Iterator[str]:
    yield f"  - name: {stream.name}"
    if stream.replication_key and stream.selected_by_default:
        key = stream.replication_key
        field = f"loaded_at_field: '\"{key}\"'"
        yield f"    config: {{{field}, freshness: {{warn_after: {{count: 26, period: hour}}}}}}"


def _model(stream: DixaStream) -> Iterator[str]:
    schema = SCHEMAS.get_schema(stream.name)
    key = [_name(stream.name, field) for field in stream.primary_keys]
    yield f"- name: stg_dixa__{stream.name}"
    yield f"  description: {json.dumps(schema['description'], ensure_ascii=False)}"
    if len(key) > 1:
        columns = ", ".join(key)
        yield f"  data_tests: [{{unique_together: {{arguments: {{columns: [{columns}]}}}}}}]"
    yield "  columns:"
    for field in fields_of(schema):
        if re.search(r"[.\[]", field.path) or field.path in _LEFT_OUT:
            continue
        yield from _column(stream.name, field.path, schema["properties"][field.path], key)


def _column(stream: str, field: str, schema: dict[str, Any], key: list[str]) -> Iterator[str]:
    name = _name(stream, field)
    column: dict[str, Any] = {"name": name, "data_type": _type(schema)}
    description = schema["description"]
    if field == "additional_properties":
        description = description.split(": ")[0] + "."
    column["description"] = description
    meta = {"unit": {"ms": "ms", "s": "s"}[unit_of(description)]} if _is_interval(schema) else {}
    if name.replace("_", "") != field.replace("_", "").lower():
        meta["field"] = field
    if meta:
        column["config"] = {"meta": meta}
    tests: list[Any] = ["not_null"] * (name in key) + ["unique"] * (key == [name])
    for join in JOINS:
        (parent, *others) = join.parents
        if (join.stream, join.field) == (stream, field) and parent in KEYS and not others:
            arguments = {"to": f"ref('stg_dixa__{parent}')", "at_most": _ORPHANS}
            arguments["field"] = _name(parent, join.key)
            tests.append({"orphans": {"arguments": arguments, "config": {"severity": "warn"}}})
    if seen := _SEEN.get((stream, field)):
        values = {"arguments": {"values": seen}, "config": {"severity": "warn"}}
        tests.append({"accepted_values": values})
    if tests:
        column["data_tests"] = tests
    yield f"  - {json.dumps(column, ensure_ascii=False)}"


def _name(stream: str, field: str) -> str:
    if field == "id":
        return KEYS[stream] or "agent_id"
    return _NAMES.get(field) or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", field).lower()


def _is_interval(schema: dict[str, Any]) -> bool:
    return "integer" in schema["type"] and unit_of(schema["description"]) in {"ms", "s"}


def _type(schema: dict[str, Any]) -> str:
    if _is_interval(schema):
        return "interval"
    if schema.get("format") == "date-time":
        return "timestamp"
    kinds = {schema["type"]} if isinstance(schema["type"], str) else {*schema["type"]} - {"null"}
    (kind,) = kinds
    return _TYPES.get(kind, kind)

"""The stream reference."""

import re

from docs.generate import plugin
from docs.generate.fields import Field, fields_of
from docs.generate.joins import JOINS
from docs.generate.markdown import codes, table
from tap_dixa.streams.base import SCHEMAS, DixaStream

_INTRODUCTION = """\
# Streams

Each stream, field by field; `tap-dixa --discover` prints the same as JSON Schema.
[tables.md](tables.md) says what is true of all tables: names, types, times, deletes.

An incremental stream syncs what changed since its bookmark, a full-table stream all of its rows in
each run. The primary key is `id`, unless other fields are marked **key**."""

_JOINS = """\
## Joins

Which fields hold which key; `[]` is an array, a dot a field of an object.

- `messages` have no id of their author, only `author_name` and `author_email`.
- `dixa_email_integration_id` and the `…_provisioned_phone_number_id` seem to be an endpoint's
  address and number, `attributes.messageId` the id of a message: Dixa does not document it.
- `contactEndpointId` of `conversation_flows` is one of `contact_endpoints` for emails and calls;
  what it is for other channels is not documented.
- `createdBy` and the like of `templates` and `knowledge_articles`, and `systemUserId` of
  `ai_agents`, join nothing: Dixa does not document of which stream these users are."""

_FIELDS = """\
## Fields

A type is what a field holds if it is not null; `text[]` is an array of text. Bookmarks are
replication keys. A number has no unit unless one is named, or said not to be documented. JSON is an
object whose names are Dixa's or the account's to choose.

Every stream also has `additional_properties`, JSON: [what no other field
holds](tables.md#new-fields-and-other-types), or null. All fields of `analytics_records` and
`intelligence_records` but `value` and what is in `fields` are the tap's own; the ids of other
streams are copied from there, if the row has them."""

_CHANGED = "One request for each changed conversation."
_HOW = {
    "messages": "Those of anonymized conversations, and redacted ones, are emitted again.",
    "activity_logs": "Those of anonymized conversations are emitted again.",
    "conversation_notes": _CHANGED,
    "conversation_ratings": _CHANGED,
    "linked_conversations": _CHANGED,
    "analytics_records": "For each record type.",
    "intelligence_records": "For each record type. The last `intelligence_lookback_days` are read "
    "again in every run.",
    "conversation_flows": "One request for each of the nine channels that Dixa lists flows of.",
}
"""What is particular about how a stream is read."""

_SAID = (
    r"^The ",
    r" The replication key of this stream\.",
    r", and (?:the|part of the) key(?: of this stream)?\b",
    r", and the replication key of this stream",
    r", in (?:UTC|milliseconds|seconds)\b(?=[.:;,]|$)",
    r", without a unit",
    r", a UUID\b",
    r" (?:Conversations|Messages) refer to it [^.]*\.",
    r" The second part of this stream's key\.",
    r" From the field that has it, if the row has one\.",
    r"(?<=contactEndpointId); Dixa does not document it",
    r" Dixa does not document of which stream\.",
    r", from the Dixa (?:Exports )?API\b",
)
"""What a description repeats of the columns beside it, or of the stream's path."""
_ELSEWHERE = r"\b(?!are\b)(\w+) in the (\w+) stream\b"
"""How a description names a field of another stream."""


def page() -> str:
    """Write the page."""
    streams = plugin.streams()
    parts = [_INTRODUCTION, _index(streams), _JOINS, _joins(), _FIELDS]
    seen: dict[str, str] = {}
    return "\n\n".join(parts + [_section(stream, seen) for stream in streams]) + "\n"


def _index(streams: list[DixaStream]) -> str:
    lines = []
    for kind in ("Incremental", "Full-table"):
        of_kind = [s for s in streams if (s.replication_key is not None) == (kind == "Incremental")]
        usual = ", ".join(_link(s.name) for s in of_kind if s.selected_by_default)
        others = ", ".join(_link(s.name) for s in of_kind if not s.selected_by_default)
        lines.append(f"- **{kind}:** {usual}; off by default: {others}.")
    return "\n".join(lines)


def _joins() -> str:
    fields: dict[str, tuple[list[str], list[str]]] = {}
    for join in JOINS:
        for parent in join.parents:
            columns = fields.setdefault(f"{parent}.{join.key}", ([], []))
            columns[join.optional].append(f"{join.stream}.{join.field}")
    return table(
        ("Key", "In every row", "In some rows"),
        ((codes([key]), *map(codes, columns)) for key, columns in fields.items()),
    )


def _section(stream: DixaStream, seen: dict[str, str]) -> str:
    schema = SCHEMAS.get_schema(stream.name)
    api = "Exports API" if stream.is_exports else "Dixa API"
    facts = [_short(schema["description"]), f"{api}, `{stream.path}`.", _HOW.get(stream.name, "")]
    rows = (
        (f"`{field.path}`", f"{_type(stream, field)}{_short(field.description)}")
        for field in fields_of(schema, seen=seen, stream=stream.name)
        if field.path != "additional_properties"
    )
    return "\n\n".join(
        (
            f"### {stream.name}",
            " ".join(filter(None, facts)),
            table(("Field", "What it holds"), rows),
        )
    )


def _type(stream: DixaStream, field: Field) -> str:
    marks = ["**key**"] if field.path in stream.primary_keys else []
    marks += ["**bookmark**"] if field.path == stream.replication_key else []
    unit = field.unit if field.unit in ("ms", "s") else ""
    said = ", ".join(filter(None, (field.type.removesuffix(" (UTC)"), unit, *marks)))
    return f"{said}. " if said else ""


def _short(description: str) -> str:
    shorter = re.sub("|".join(_SAID), "", description)
    shorter = re.sub(rf": {_ELSEWHERE}", r" (`\2.\1`)", shorter)
    shorter = re.sub(_ELSEWHERE, r"`\2.\1`", shorter)
    return shorter[:1].upper() + shorter[1:]


def _link(stream: str) -> str:
    return f"[{stream}](#{stream})"

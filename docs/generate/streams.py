"""The stream reference."""

from docs.generate import plugin
from docs.generate.diagram import diagram
from docs.generate.fields import Field, fields_of
from docs.generate.joins import JOINS
from docs.generate.markdown import codes, table
from tap_dixa.streams.base import SCHEMAS, DixaStream

_INTRODUCTION = """\
# Streams

Each stream, field by field. Field names are Dixa's. Targets may change them:
target-duckdb writes them in lower case (`queueId` becomes `queueid`), and PostgreSQL wants those
with capitals in double quotes (`"queueId"`). `tap-dixa --discover` prints the same as JSON Schema.

A stream with a replication key is incremental: a run syncs what changed since its bookmark. The
others are full-table: each run syncs all of their rows."""

_DIAGRAM = """\
## Diagram

Each stream with its key (PK), its replication key and the fields that join it (FK). A solid line is
a join that every row has, a dotted one is a join that some rows have."""

_JOINS = """\
## Joins

`[]` is an array, a dot a field of an object. Use left joins: what was deleted in Dixa before the
tap read it has no row. With `end_date`, a conversation that changed later is synced by a later run,
while its older messages and log entries are synced by this one.

Messages carry no id of their author, only `author_name` and `author_email`. Conversations carry the
names of their tags too, in `tags`. `contactEndpointId` of `conversation_flows` is one of
`contact_endpoints` for emails and calls; what it is for other channels is not documented.
`templates` and `ai_agents` join nothing: Dixa does not document whose ids `createdBy` and
`systemUserId` are."""

_RECORDS = """\
## Records of Analytics and Intelligence

Dixa's Analytics API and the newer Intelligence API, a beta, have records of several kinds: ratings,
closed conversations, first responses; in the Intelligence API also the presence of agents, whose
history nothing else tells, and what AI agents do. Dixa adds kinds and fields without notice. So all
kinds are in one stream, `recordId` tells which one a row is of, and what they have is in one
column, `fields`: a new kind or field needs no release of the tap. The kinds are those of Dixa's
catalogue at the time of the run, unless `analytics_record_ids` or `intelligence_record_ids` names
some. These streams are off by default. An account without the API loses them alone.

**Key.** Dixa's rows have no id. For `analytics_records` the tap makes one of `recordId`, the time
and the ids in the row: those of `conversationId`, `agentId` and `queueId`, and every field that is
named as an id or is a UUID. Rows that are equal in all of these are numbered. So a row that Dixa
changes keeps its key and replaces the old one. **But if its time or one of its ids changes, it
arrives as a second row, and the first one stays:** a conversation that is reopened and closed again
has two.

**Rows that are not documented.** Dixa does not document the rows of the Intelligence API, a beta.
So the tap keeps each one whole in `fields` (if it is no object, `additional_properties` has it),
and its key is made of `recordId` and its content but labels. It does not depend on when the row is
read: a row that is read again replaces itself. **A row that Dixa changes arrives as a second row,
and the first one stays**, such as an interval of presence that was read before it had ended: use
the newest of those that agree in who and when it began. A row that Dixa has in several windows,
such as for each that an interval touches, comes once a run, with the first of them. Rows that are
equal in everything cannot be told from it, so of those there are as many as the window with the
most has. `timestamp` is the start of the window that a run asked for, so it changes when a row is
read again; the times of the row are in `fields`. Windows are asked for with a second more on both
sides: a few rows may be that much older than `start_date` or newer than `end_date`. `tap-dixa
--test` shows which fields your account has, without values. A row of the Analytics API that is not
as documented is kept in the same way, with a warning.

**Bookmark.** Each kind has its own, in `partitions` of the state: a kind that Dixa adds is read
from `start_date`, and one that fails does not stop the others. If a kind has no newer records, its
bookmark follows a day behind what was read; that of `intelligence_records` always does. What Dixa
changes in rows that are older than the lookback is not seen.

Query a field as `fields -> 'status' ->> 'value'` in PostgreSQL, or `fields ->> '$.status.value'` in
DuckDB."""

_FIELDS = """\
## Fields

A type is what a field holds if it is not null. Keys and replication keys never are. JSON is an
object whose names are Dixa's or the account's to choose: one column, whatever it holds.

These fields are the tap's own: `queueId` and `teamId` of members, `conversationUpdatedAt` of notes
and ratings, `csid` and `questionNumber` of ratings, `contactEndpointId` of contact endpoints, and
all of `analytics_records` and `intelligence_records` but `value` and what is in `fields`. A field
that Dixa adds is in `additional_properties`, until a release of the tap has it in its schema.

Every record fits these types. A value of another type is converted if nothing is lost, such as
"123" to 123; if not, it is in `additional_properties`, and the field is null. See
[syncing.md](syncing.md#values-of-other-types)."""

_CHANGED = "One request for each conversation that changed since the bookmark."
_ITEMS = "One request for each one in the catalogs of all collections."
_HOW = {
    "conversations": "One request for each window of `window_days`.",
    "messages": "One request for each window of `window_days`. The messages of conversations that "
    "were anonymized since the last run, and those that were redacted, are emitted again, after "
    "the new ones.",
    "activity_logs": "Page by page, for a window of `window_days` at a time. The entries about "
    "conversations that were anonymized since the last run are emitted again, after the new ones.",
    "conversation_notes": _CHANGED,
    "conversation_ratings": _CHANGED,
    "analytics_records": "Page by page, for each record type and a window of `window_days` at a "
    "time.",
    "intelligence_records": "Page by page, for each record type and a window of `window_days` at "
    "a time. The last `intelligence_lookback_days` are read again in every run.",
    "business_hours_definitions": "One request for each schedule.",
    "knowledge_categories": _ITEMS,
    "knowledge_articles": _ITEMS,
    "conversation_flows": "One request for each of the nine channels that Dixa lists flows of.",
    "queue_members": "All rows, requested for each `queueId`.",
    "team_members": "All rows, requested for each `teamId`.",
}
"""How a stream is read, if not as a list."""


def page() -> str:
    """Write the page."""
    streams = plugin.streams()
    parts = [_INTRODUCTION, _index(streams), _DIAGRAM, diagram(streams), _JOINS, _joins()]
    parts += [_RECORDS, _FIELDS]
    return "\n\n".join(parts + [_section(stream) for stream in streams]) + "\n"


def _index(streams: list[DixaStream]) -> str:
    head = (
        "Stream",
        "What it is",
        "Primary key",
        "Replication key",
        "Endpoint",
        "Selected by default",
    )
    return table(
        head,
        (
            (
                _link(stream.name),
                SCHEMAS.get_schema(stream.name)["description"],
                codes(stream.primary_keys),
                f"`{stream.replication_key}`" if stream.replication_key else "none (full-table)",
                _endpoint(stream),
                "yes" if stream.selected_by_default else "**no**",
            )
            for stream in streams
        ),
    )


def _joins() -> str:
    return table(
        ("Stream", "Field", "Is", "When"),
        (
            (
                _link(join.stream),
                f"`{join.field}`",
                " or ".join(f"{_link(parent)} `{join.key}`" for parent in join.parents),
                join.sometimes or "Every row.",
            )
            for join in JOINS
        ),
    )


def _section(stream: DixaStream) -> str:
    schema = SCHEMAS.get_schema(stream.name)
    facts = (
        ("Endpoint", _endpoint(stream)),
        ("Primary key", codes(stream.primary_keys)),
        ("Replication key", f"`{stream.replication_key}`" if stream.replication_key else "none"),
        ("Read", _how(stream)),
    )
    rows = (
        (f"`{field.path}`", field.type, field.unit, _mark(stream, field), field.description)
        for field in fields_of(schema)
    )
    return "\n\n".join(
        (
            f"### {stream.name}",
            schema["description"],
            "\n".join(f"- {name}: {fact}" for name, fact in facts),
            table(("Field", "Type", "Unit", "Key", "Description"), rows),
        )
    )


def _mark(stream: DixaStream, field: Field) -> str:
    marks = ["key"] if field.path in stream.primary_keys else []
    marks += ["bookmark"] if field.path == stream.replication_key else []
    marks += [
        f"→ {_link(parent)}"
        for join in JOINS
        if (join.stream, join.described) == (stream.name, field.path)
        for parent in join.parents
    ]
    return ", ".join(marks)


def _how(stream: DixaStream) -> str:
    return _HOW.get(stream.name, "All rows, page by page.")


def _endpoint(stream: DixaStream) -> str:
    return f"{'Exports API' if stream.is_exports else 'Dixa API'}, `{stream.path}`"


def _link(stream: str) -> str:
    return f"[{stream}](#{stream})"

"""Records made of the rows of Dixa's Analytics and Intelligence API, which have no id.

Dixa documents the rows of Analytics: a primary timestamp, a value, and a list of fields. Those of
Intelligence it does not. A row of which no shape is documented is kept whole, in the column
``fields``, and its key is made of its content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import msgspec
from typing_extensions import override

from tap_dixa.download.spool import Spool, key_decoder
from tap_dixa.download.windows import Window
from tap_dixa.timestamps import parse_record_time, to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_dixa.read.row_numbers import RowNumbers

_IDS = UUID("8d7c0f0a-5f3e-4b60-9a9b-d1ca20000000")
_JOINS: dict[str, tuple[type, tuple[str, ...]]] = {
    "conversationId": (int, ("conversation_id", "csid", "conversationId")),
    "agentId": (str, ("agent_id", "agent", "agentId")),
    "queueId": (str, ("queue_id", "queue", "queueId")),
}
"""The columns for joins, their types, and the fields that hold them: those of Dixa's examples of
Analytics, and the attributes that Intelligence filters by."""
_JOINED = frozenset(name for _, names in _JOINS.values() for name in names)
_ADDED = frozenset({"id", "recordId", "timestamp", "timestampField", *_JOINS})
"""The columns that the tap adds."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_KEYS = key_decoder("cursor", {"identity": str})


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordWindow(Window):
    """A window of a record type."""

    record_id: str
    entry: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """The entry of Dixa's catalogue of record types."""

    def __str__(self) -> str:
        return f"{self.record_id}, {Window.__str__(self)}"


class Row(msgspec.Struct):
    """A record without its key, and what the key is made of."""

    cursor: int
    """The replication key, in Unix ms."""
    identity: str
    """What tells the row from others."""
    is_whole: bool
    """Whether the identity is made of all that the row has."""
    record: msgspec.Raw
    """The record's JSON, without ``id``."""

    def with_key(self, number: int) -> bytes:
        """Write the record with its key; so many rows of the same identity come before it."""
        key = uuid5(_IDS, f"{self.identity} {number}")
        return b'{"id":"%b",%b' % (str(key).encode(), bytes(self.record)[1:])


class RowSpool(Spool):
    """The records of a window, on disk and in order. Each gets its key when it is read.

    Rows of the same identity are numbered. If they are as documented, they have the same time, so
    a window has all of them or none. If they are kept whole, they are equal, and a row that was
    read with another window of the run is dropped.

    Args:
        body: A JSON array of `Row`.
        window: Records of which ``cursor`` lies in another window are dropped.
        numbers: Numbers the rows that are kept whole.
    """

    def __init__(self, body: Iterable[bytes], window: Window, numbers: RowNumbers) -> None:
        super().__init__(body, window, _KEYS)
        self._numbers = numbers

    @override
    def records(self) -> Iterator[tuple[int, bytes]]:
        decode = msgspec.json.Decoder(Row).decode
        rows = (decode(text) for _, text in super().records())
        for time, simultaneous in groupby(rows, attrgetter("cursor")):
            documented: list[Row] = []
            for row in simultaneous:
                if not row.is_whole:
                    documented.append(row)
                    continue
                # Not collected: a window may have nothing else, all at the same time.
                number = self._numbers.next(row.identity, self.window.start)
                if number is not None:
                    yield time, row.with_key(number)
            # In an order of their own: Dixa documents none, and the numbers must not change.
            documented.sort(key=lambda row: (row.identity, bytes(row.record)))
            for _, alike in groupby(documented, attrgetter("identity")):
                for number, row in enumerate(alike):
                    yield time, row.with_key(number)


class _PrimaryTimestamp(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    timestamp: str


class _Field(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    field: dict[str, Any]


class _AnalyticsRow(msgspec.Struct, rename="camel"):
    """What Dixa documents of a row of Analytics."""

    primary_timestamp_field: _PrimaryTimestamp
    fields: list[_Field] = []


def analytics_row(row: Any, window: RecordWindow) -> Row:
    """Make the record of a row of Analytics; if it is not as documented, of the whole row."""
    time = _primary_time(row)
    try:
        documented = msgspec.convert(row, _AnalyticsRow)
    except msgspec.ValidationError:
        return whole_row(row, window, time=time)
    fields = {field.name: field.field for field in documented.fields}
    if time is None or len(fields) < len(documented.fields) or not _ADDED.isdisjoint(row):
        return whole_row(row, window, time=time)  # otherwise, a value would be lost
    timestamp = to_rfc3339(time)
    record = {
        **row,
        "recordId": window.record_id,
        "timestamp": timestamp,
        "timestampField": documented.primary_timestamp_field.name,
        **join_columns(fields),
        "fields": fields,
    }
    del record["primaryTimestampField"]
    # Measures, such as a score or a duration, are no part of the identity: they may change.
    ids = sorted((name, str(cell["value"])) for name, cell in fields.items() if _is_id(name, cell))
    identity = [window.record_id, datetime.fromisoformat(timestamp).isoformat(), ids]
    return Row(time, _json(identity).decode(), is_whole=False, record=msgspec.Raw(_json(record)))


def whole_row(row: Any, window: RecordWindow, *, time: int | None = None, **columns: Any) -> Row:
    """Make the record of a row without a documented shape: it is kept as it is.

    Args:
        row: The row.
        window: The window that it was requested for.
        time: When it happened, in Unix ms; None for the start of the window.
        columns: More columns of the record.
    """
    cursor = window.start if time is None else time
    cells = row if isinstance(row, dict) else {}
    record = {
        **columns,
        "recordId": window.record_id,
        "timestamp": to_rfc3339(cursor),
        **join_columns(cells),
        "fields": row,
    }
    # Labels are no part of the identity: an agent or a queue may be renamed.
    content = {name: _without_label(cell) for name, cell in cells.items()} or row
    identity = [window.record_id, blake2b(_json(content), digest_size=16).hexdigest()]
    return Row(cursor, _json(identity).decode(), is_whole=True, record=msgspec.Raw(_json(record)))


def join_columns(cells: dict[str, Any]) -> dict[str, Any]:
    """Return the conversation, the agent and the queue that a row is about; null if there is none.

    Cells are objects with ``value``, by field. Anything else is ignored.
    """
    values = {name: cell.get("value") for name, cell in cells.items() if isinstance(cell, dict)}
    return {
        column: next((values[name] for name in names if type(values.get(name)) is kind), None)
        for column, (kind, names) in _JOINS.items()
    }


def _primary_time(row: Any) -> int | None:
    match row:
        case {"primaryTimestampField": {"timestamp": str(text)}}:
            try:
                time = parse_record_time(text)
                to_rfc3339(time)
            except (OverflowError, ValueError):
                return None
            return time
    return None


def _is_id(name: str, cell: dict[str, Any]) -> bool:
    value = cell.get("value")
    named = name in _JOINED or name == "id" or name.endswith("_id")
    return type(value) in {int, str} and (named or _UUID.fullmatch(str(value)) is not None)


def _without_label(cell: Any) -> Any:
    if isinstance(cell, dict) and "value" in cell:
        return {name: value for name, value in cell.items() if name != "label"}
    return cell


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value, order="sorted")

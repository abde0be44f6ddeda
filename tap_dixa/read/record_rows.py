"""Records made of the rows of Dixa's Analytics and Intelligence API, which have no id.

Dixa documents the rows of Analytics: a primary timestamp, a value, and a list of fields. Those of
Intelligence it does not. A row of which no shape is documented is kept whole, in the column
``fields``, and its key is made of its content.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID, uuid5

import msgspec
from typing_extensions import override

from tap_dixa.download.spool import Spool, key_decoder
from tap_dixa.download.windows import Window
from tap_dixa.errors import DiskError
from tap_dixa.timestamps import parse_record_time, to_rfc3339

_IDS = UUID("8d7c0f0a-5f3e-4b60-9a9b-d1ca20000000")
_JOINS: dict[str, tuple[type, tuple[str, ...]]] = {
    "conversationId": (int, ("conversation_id", "csid", "conversationId")),
    "agentId": (str, ("agent_id", "agent", "agentId")),
    "queueId": (str, ("queue_id", "queue", "queueId")),
}
"""The columns for joins, their types, and the fields that hold them: those of Dixa's examples of
Analytics, and the attributes that Intelligence filters by."""
_JOINED = frozenset(name for _, names in _JOINS.values() for name in names)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_KEYS = key_decoder("cursor", {"identity": str})


class Row(msgspec.Struct):
    """A record without its key, and what the key is made of."""

    cursor: int
    """The replication key, in Unix ms."""
    identity: str
    """What tells the row from others."""
    is_undocumented: bool
    """Whether the identity is made of all that the row has."""
    record: msgspec.Raw
    """The record's JSON, without ``id``."""

    def with_key(self, number: int) -> bytes:
        """Write the record with its key; so many rows of the same identity come before it."""
        key = uuid5(_IDS, f"{self.identity} {number}")
        return b'{"id":"%b",%b' % (str(key).encode(), bytes(self.record)[1:])


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


def analytics_row(row: Any, record_id: str, start: int) -> Row:
    """Make the record of a row of Analytics; if it is not as documented, of the whole row.

    The start of its window is in Unix ms.
    """
    try:
        documented = msgspec.convert(row, _AnalyticsRow)
        time = parse_record_time(documented.primary_timestamp_field.timestamp)
        timestamp = to_rfc3339(time)
    except (msgspec.ValidationError, OverflowError, ValueError):
        return whole_row(row, record_id, start)
    fields = {field.name: field.field for field in documented.fields}
    columns = {
        "recordId": record_id,
        "timestamp": timestamp,
        "timestampField": documented.primary_timestamp_field.name,
        **join_columns(fields),
    }
    if len(fields) < len(documented.fields) or row.keys() & {"id", *columns}:
        return whole_row(row, record_id, start)  # otherwise, a value would be lost
    record = {**row, **columns, "fields": fields}
    del record["primaryTimestampField"]
    # Measures, such as a score or a duration, are no part of the identity: they may change.
    ids = sorted((name, str(cell["value"])) for name, cell in fields.items() if _is_id(name, cell))
    identity = [record_id, datetime.fromisoformat(timestamp).isoformat(), ids]
    return Row(
        time, _json(identity).decode(), is_undocumented=False, record=msgspec.Raw(_json(record))
    )


def whole_row(row: Any, record_id: str, start: int, **columns: Any) -> Row:
    """Make the record of a row without a documented shape: it is kept as it is.

    Its time is the start of its window, in Unix ms. The record may have more columns.
    """
    cells = row if isinstance(row, dict) else {}
    record = {
        **columns,
        "recordId": record_id,
        "timestamp": to_rfc3339(start),
        **join_columns(cells),
        "fields": row,
    }
    # Labels are no part of the identity: an agent or a queue may be renamed.
    content = {name: _without_label(cell) for name, cell in cells.items()} or row
    identity = [record_id, blake2b(_json(content), digest_size=16).hexdigest()]
    return Row(
        start, _json(identity).decode(), is_undocumented=True, record=msgspec.Raw(_json(record))
    )


def join_columns(cells: dict[str, Any]) -> dict[str, Any]:
    """Return the conversation, the agent and the queue that a row is about; null if there is none.

    Cells are objects with ``value``, by field. Anything else is ignored.
    """
    values = {name: cell.get("value") for name, cell in cells.items() if isinstance(cell, dict)}
    return {
        column: next((values[name] for name in names if type(values.get(name)) is kind), None)
        for column, (kind, names) in _JOINS.items()
    }


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


class RowNumbers:
    """Numbers equal rows that are kept whole, and drops those that another window has had.

    Dixa may have such a row in several windows: at an instant that they share, or for each that an
    interval touches. It is emitted with the first of them. Rows of one window that are equal are
    numbered: as many of them are emitted as the window with the most has.

    SQLite keeps digests in a temporary file, which has no name. To be used in one thread.
    """

    def __init__(self) -> None:
        # Few runs have such rows; the others need not wait for its import.
        import sqlite3  # noqa: PLC0415

        self._error = sqlite3.Error
        self._database = sqlite3.connect("", isolation_level=None)
        # One transaction, which is never rolled back: otherwise each row costs a write.
        self._database.executescript(
            "CREATE TABLE rows (identity PRIMARY KEY, window, count, emitted) WITHOUT ROWID;"
            "PRAGMA journal_mode = OFF; BEGIN"
        )

    def next(self, identity: str, window: int) -> int | None:
        """Return the number of a row among those that are equal; None if it was emitted before.

        All rows of a window, which is given by its start, come before those of the next one.
        """
        try:
            rows = self._database.execute(
                "SELECT window, count, emitted FROM rows WHERE identity = ?", (identity,)
            )
            last, count, emitted = rows.fetchone() or (window, 0, 0)
            number = count if last == window else 0
            self._database.execute(
                "REPLACE INTO rows VALUES (?, ?, ?, ?)",
                (identity, window, number + 1, max(emitted, number + 1)),
            )
        except self._error as error:
            raise DiskError(
                f"the keys of rows could not be written to a temporary file: {error}. Point TMPDIR "
                "at a larger disk"
            ) from None
        return number if number >= emitted else None

    def close(self) -> None:
        """Free the disk space."""
        self._database.close()


class RowSpool(Spool):
    """The records of a window, made of an array of `Row`. Each gets its key when it is read.

    Rows of the same identity are numbered. If they are as documented, they have the same time, so
    a window has all of them or none. If they are kept whole, several windows may have them.
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
                if not row.is_undocumented:
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

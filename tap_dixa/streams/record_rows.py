"""Rows of Dixa's Analytics and Intelligence API, made records with a key and columns for joins.

A row is about something that happened, and what it has depends on the account and on Dixa: so
all of its fields go to one column, each as a cell, an object with a ``value`` and a ``label``.
Which shape the rows of the Intelligence API have is not documented: all that are likely are read.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import msgspec
from typing_extensions import override

from tap_dixa.download.spool import Spool, key_decoder
from tap_dixa.output.json_numbers import storable
from tap_dixa.timestamps import to_milliseconds, without_zone_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_dixa.download.windows import Window

    Cells = dict[str, dict[str, Any]]

_IDS = UUID("8d7c0f0a-5f3e-4b60-9a9b-d1ca20000000")
_CONTAINERS = ("fields", "columns", "cells")
"""Where in a row its cells may be, if they are not the row itself."""
_NAMES = ("name", "attribute", "column", "field", "key", "id")
"""What may name a cell that is in a list."""
OWN_NAMES = frozenset(
    {
        *("id", "cursor", "recordId", "category", "timestamp", "timestampField"),
        *("conversationId", "agentId", "queueId"),
    }
)
"""What the tap adds to a record. If Dixa does, too, it is one of the row's fields."""
_CONVERSATION = ("conversationid", "csid", "conversation")
_AGENT, _QUEUE = ("agentid", "agent"), ("queueid", "queue")
_ENDS_WITH_ID = re.compile(r"^id$|_id$|Id$|ID$")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_KEYS = key_decoder("cursor", {"id": str, "timestamp": str})


@dataclass(frozen=True, slots=True)
class Time:
    """When the thing that a row is about happened."""

    name: str
    """The field that says so."""
    time: datetime

    @classmethod
    def parse(cls, name: str, text: Any) -> Time:
        """Read it from ISO 8601; without an offset it is UTC.

        Raises:
            OverflowError: It is out of range.
            TypeError: It is not a text.
            ValueError: It is not a time.
        """
        time = datetime.fromisoformat(without_zone_name(text) if isinstance(text, str) else text)
        return cls(name, time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC))

    @classmethod
    def from_milliseconds(cls, name: str, time: int) -> Time:
        """Make it from Unix ms.

        Raises:
            OverflowError: It is out of range.
        """
        return cls(name, datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time))

    @property
    def milliseconds(self) -> int:
        """It in Unix ms, rounded down."""
        return to_milliseconds(self.time)


def cells_of(row: Any) -> Cells:
    """Return the fields of a row, each as a cell.

    Args:
        row: An object of cells or of bare values, by name; or a list of cells, each of which
            names itself; or an object that has either of them in one of its fields.
    """
    cells: Cells = {}
    if isinstance(row, list):
        _add_list(cells, "cell", row)
    for name, part in row.items() if isinstance(row, dict) else ():
        if name in _CONTAINERS and isinstance(part, list):
            _add_list(cells, name, part)
        elif name in _CONTAINERS and isinstance(part, dict) and "value" not in part:
            for inner, cell in part.items():
                _add(cells, inner, cell)
        else:
            _add(cells, name, part)
    return cells


def _add_list(cells: Cells, container: str, parts: list[Any]) -> None:
    for place, part in enumerate(parts):
        named = [key for key in _NAMES if isinstance(part, dict) and isinstance(part.get(key), str)]
        if named:
            rest = {key: value for key, value in part.items() if key != named[0]}
            _add(cells, part[named[0]], rest)
        else:
            _add(cells, f"{container}.{place}", part)


def _add(cells: Cells, name: str, part: Any) -> None:
    if isinstance(part, dict) and isinstance(part.get("field"), dict) and len(part) == 1:
        part = part["field"]  # Analytics: {"name": …, "field": {"value": …, "_type": …}}
    is_cell = isinstance(part, dict) and not {"value", "values", "label"}.isdisjoint(part)
    unique, place = name, 2
    while unique in cells:
        unique, place = f"{name}.{place}", place + 1
    cells[unique] = part if is_cell else {"value": part or None if part == {} else part}


def join_columns(cells: Cells) -> dict[str, Any]:
    """Find the conversation, the agent and the queue that a row is about; null if there is none."""
    conversation = _first(cells, _CONVERSATION)
    if isinstance(conversation, str):
        whole = conversation.isascii() and conversation.isdecimal()
        conversation = int(conversation) if whole else None
    agent, queue = _first(cells, _AGENT), _first(cells, _QUEUE)
    return {
        "conversationId": conversation,
        "agentId": agent if isinstance(agent, str) else None,
        "queueId": queue if isinstance(queue, str) else None,
    }


def identity(record_id: str, time: Time, cells: Cells) -> str:
    """Return what tells a row from others: its record id, time, and the ids in it.

    Measures, such as a score or a duration, are not part of it: they may change.
    """
    ids = sorted((name, found) for name in cells if (found := _id_in(name, cells)) is not None)
    return msgspec.json.encode([record_id, time.time.isoformat(), ids]).decode()


def _id_in(name: str, cells: Cells) -> str | None:
    value = _scalar(cells[name])
    if value is None or isinstance(value, (bool, float)):
        return None
    joins = plain(name) in {*_CONVERSATION, *_AGENT, *_QUEUE}
    is_id = joins or _ENDS_WITH_ID.search(name) or _UUID.fullmatch(str(value))
    return str(value) if is_id else None


def _first(cells: Cells, names: tuple[str, ...]) -> Any:
    by_name = {plain(name): _scalar(cell) for name, cell in reversed(cells.items())}
    return next((by_name[name] for name in names if by_name.get(name) is not None), None)


def plain(name: str) -> str:
    """Return a field's name in lower case, without signs: ``agent_id`` and ``agentId`` are one."""
    return re.sub(r"[\W_]", "", name.lower())


def _scalar(cell: dict[str, Any]) -> str | int | float | bool | None:
    value = cell.get("value")
    if isinstance(value, dict):  # a reference to an agent, a queue or a tag
        value = value.get("id")
    return value if isinstance(value, (str, int, float)) else None


def to_json(record: dict[str, Any], cursor: int, unique: str) -> bytes:
    """Write a record for a `RowSpool`.

    Args:
        record: The record, without its key.
        cursor: What it is ordered by, in Unix ms.
        unique: What `identity` returned.
    """
    whole = storable({**record, "cursor": cursor, "id": unique})
    return msgspec.json.encode(whole, order="sorted")


class RowSpool(Spool):
    """The records of a window, on disk and in order. Each gets its key when it is read.

    Rows have no id. The key is made of what tells a row from others, and of a number that tells
    equal ones apart: equal rows have the same time, so they are all in the same window.

    Args:
        body: A JSON array of what `to_json` writes.
        window: Records of which ``cursor`` lies in another window are dropped.
    """

    def __init__(self, body: Iterable[bytes], window: Window) -> None:
        super().__init__(body, window, _KEYS)

    @override
    def __iter__(self) -> Iterator[bytes]:
        for group in self.groups():
            # In an order of their own: Dixa documents none, and the numbers must not change.
            decoded = [(msgspec.json.decode(text), text) for text in group]
            decoded.sort(key=lambda row: (row[0]["timestamp"], row[0]["id"], row[1]))
            met: Counter[str] = Counter()
            for record, _ in decoded:
                unique = record["id"]
                record["id"] = str(uuid5(_IDS, f"{unique} {met[unique]}"))
                met[unique] += 1
                del record["cursor"]
                yield msgspec.json.encode(record)

"""Records in an export that its filters should have excluded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING, Any

from tap_dixa_sandbox import records
from tap_dixa_sandbox.arrivals import DAY
from tap_dixa_sandbox.life import Life, draw

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_dixa_sandbox.dataset import DataSet
    from tap_dixa_sandbox.desk import Desk
    from tap_dixa_sandbox.filters import Interval

Row = dict[str, Any]
Write = Callable[["Desk", Life, int], Row]
"""Writes a record of a conversation as it stood at a time in Unix ms."""

_PAST = int(datetime(2001, 1, 1, tzinfo=UTC).timestamp()) * 1000
_FIRST_ID = 1 << 50
"""No conversation of a data set has such a large id."""


def around(
    found: Iterable[Row],
    data: DataSet,
    filters: dict[str, Interval],
    count: int,
    write: Write,
) -> Iterator[Row]:
    """Put records from outside of the requested interval around those that belong to it.

    The first, third and so on are from 2001 and come first; the others are from a year after
    now and come last. The same request gets the same ids, which no other record has.

    Args:
        found: The records that the filters let pass.
        data: The data set, for its desk and clock.
        filters: The request's filters.
        count: How many records to add.
        write: Writes a record of the export.
    """
    future = (data.now() // DAY + 365) * DAY
    request = [(name, interval.after, interval.before) for name, interval in filters.items()]

    def made(places: Iterable[int], start: int) -> Iterator[Row]:
        for place in places:
            digest = sha256(repr((write.__name__, request, place)).encode()).digest()
            number = _FIRST_ID + int.from_bytes(digest[:6], "big")
            life = draw(data.desk, number, start + place * 1_000, 0)
            # All of its times are set and none lets the tap refresh its messages.
            life.closed, life.anonymized = life.closed or life.events[-1], None
            yield write(data.desk, life, life.events[-1])

    return chain(made(range(0, count, 2), _PAST), found, made(range(1, count, 2), future))


def conversation(desk: Desk, life: Life, seen: int) -> Row:
    """Write the conversation itself."""
    return records.conversation(desk, life, seen)


def message(_: Desk, life: Life, seen: int) -> Row:
    """Write the conversation's first message."""
    return next(records.messages(life, seen))

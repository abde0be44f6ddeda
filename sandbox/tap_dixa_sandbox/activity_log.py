"""The activity log over all conversations: its entries, their order and its pages."""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tap_dixa_sandbox import activity_entries

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_dixa_sandbox.dataset import DataSet
    from tap_dixa_sandbox.filters import Interval

Order = Literal["ascending", "descending", "shuffled"]
"""The order of the log. Dixa does not document it."""


class Place(NamedTuple):
    """An entry's time (Unix ms), its conversation's number and its index in that conversation."""

    time: int
    number: int
    entry: int


class ActivityLog:
    """The entries about all conversations of a data set."""

    def __init__(self, data: DataSet) -> None:
        self._data = data
        self.places = lru_cache(maxsize=4)(self._places)

    def _places(self, interval: Interval, as_of: int, order: Order) -> list[Place]:
        """Find the entries in an interval. The same arguments give the same result.

        Args:
            interval: The interval.
            as_of: The entries that were visible at this time are found (Unix ms, not after now).
            order: How to sort them.
        """
        found = sorted(
            Place(event.time, life.number, place)
            for life in self._data.lives(interval.after, interval.before)
            for place, event in enumerate(activity_entries.events(self._data.desk, life))
            if event.time <= life.seen_at(as_of) and interval(event.time)
        )
        if order == "descending":
            found.reverse()
        elif order == "shuffled":
            Random(as_of).shuffle(found)
        return found

    def entries(self, places: Iterable[Place], as_of: int) -> list[dict[str, Any]]:
        """Return the entries at some places.

        Args:
            places: The places.
            as_of: The time with which they were found, in Unix ms.
        """
        written: dict[int, list[dict[str, Any]]] = {}
        for place in places:
            if place.number not in written:
                life = self._data.draw(place.number)
                seen = life.seen_at(as_of)
                written[place.number] = list(activity_entries.entries(self._data.desk, life, seen))
        return [written[place.number][place.entry] for place in places]

"""The activity log as a whole: what is in it, in which order, and any part of it."""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tap_dixa.sandbox import activity_entries

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_dixa.sandbox.dataset import DataSet
    from tap_dixa.sandbox.filters import Interval

Order = Literal["ascending", "descending", "shuffled"]
"""Dixa does not say which."""


class Place(NamedTuple):
    """Where an entry stands: when it happened (Unix ms), in which conversation, which of its."""

    moment: int
    number: int
    entry: int


class ActivityLog:
    """The entries about all conversations of a data set."""

    def __init__(self, data: DataSet) -> None:
        self._data = data
        self.places = lru_cache(maxsize=4)(self._places)

    def _places(self, interval: Interval, as_of: int, order: Order) -> list[Place]:
        """Find the entries in an interval; the same ones and in the same order every time.

        Args:
            interval: Which moments to look for.
            as_of: The moment from which the log is looked at, in Unix ms, not after now.
            order: The order to bring them in.
        """
        found = sorted(
            Place(happening.moment, life.number, place)
            for life in self._data.lives(interval.after, interval.before)
            for place, happening in enumerate(activity_entries.happenings(self._data.desk, life))
            if happening.moment <= life.seen_at(as_of) and interval(happening.moment)
        )
        if order == "descending":
            found.reverse()
        elif order == "shuffled":
            Random(as_of).shuffle(found)
        return found

    def entries(self, places: Iterable[Place], as_of: int) -> list[dict[str, Any]]:
        """Write the entries at some places.

        Args:
            places: Which.
            as_of: The moment with which they were found.
        """
        written: dict[int, list[dict[str, Any]]] = {}
        for place in places:
            if place.number not in written:
                life = self._data.draw(place.number)
                seen = life.seen_at(as_of)
                written[place.number] = list(activity_entries.entries(self._data.desk, life, seen))
        return [written[place.number][place.entry] for place in places]

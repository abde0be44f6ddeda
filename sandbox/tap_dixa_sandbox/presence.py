"""When agents worked and were away: intervals of presence, drawn day by day."""

from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

from tap_dixa_sandbox.arrivals import DAY, HOUR
from tap_dixa_sandbox.desk import Desk, Person
from tap_dixa_sandbox.times import instant

_PARTS = (("Working", 3.5), ("Away", 0.5), ("Working", 2.0), ("Away", 0.2), ("Working", 2.0))
"""What a shift consists of, and about how many hours of each."""
_LONGEST = 2 * DAY
_NIGHT = 5
"""Every so many agents there is one whose shift goes on after midnight."""


class Interval(NamedTuple):
    """An agent's presence from one change to the next, in Unix ms."""

    agent: Person
    status: str
    start: int
    end: int


def intervals(desk: Desk, oldest: int, newest: int) -> Iterator[Interval]:
    """Yield each interval that has a part between two times, agent by agent.

    Args:
        desk: The desk; the same desk gives the same intervals.
        oldest: The first time, in Unix ms.
        newest: The last time, in Unix ms.
    """
    for place, agent in enumerate(desk.agents):
        for day in range((oldest - _LONGEST) // DAY, newest // DAY + 1):
            for interval in _shift(desk.seed, place, agent, day):
                if interval.start <= newest and interval.end >= oldest:
                    yield interval


def snapshot(desk: Desk, now: int) -> Iterator[dict[str, Any]]:
    """Yield a row for each agent: what the intervals say of a time, in Unix ms."""
    last = {found.agent.id: found for found in intervals(desk, now - DAY, now)}
    for place, agent in enumerate(desk.agents):
        row: dict[str, Any] = {
            "userId": agent.id,
            "requestTime": _local(now),
            "connectionStatus": "Offline",
        }
        if (found := last.get(agent.id)) is not None:
            row["lastSeen"] = _local(min(found.end, now))
            if now < found.end:
                channels = ["Email", "PstnPhone"] if place % 2 else ["WidgetChat"]
                row |= {"presenceStatus": found.status, "connectionStatus": "Online"}
                row |= {"activeChannels": channels}
        yield row


def _local(time: int) -> str:
    """Write a time without a zone, as Dixa's pages do."""
    return instant(time).removesuffix("Z")


def _shift(seed: int, place: int, agent: Person, day: int) -> Iterator[Interval]:
    random = Random(f"presence {seed} {place} {day}")
    if random.random() < 0.3:
        return  # a day off
    begin = 20 if place % _NIGHT == 0 else 7
    time = day * DAY + begin * HOUR + random.randrange(2 * HOUR)
    for status, hours in _PARTS:
        end = time + int(hours * HOUR * (0.8 + 0.4 * random.random()))
        yield Interval(agent, status, time, end)
        time = end

"""The life of a conversation: its events and their times.

A life is drawn as a whole from the conversation's number. The APIs show only what has happened by
the time of the request.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from tap_dixa_sandbox.arrivals import DAY, HOUR
from tap_dixa_sandbox.desk import CHANNELS, CHAT, EMAIL, PHONE, Desk, Named, Person

MINUTE = 60_000


class Redaction(NamedTuple):
    """That a single message lost its text and its files."""

    time: int
    """When, in Unix ms."""
    text: bool
    """Whether it had a text."""
    files: int
    """How many files it had."""


@dataclass(slots=True)
class Life:
    """One conversation, from its first message to its anonymization. Times are Unix ms."""

    number: int
    created: int
    channel: str
    inbound: bool
    customer: Person
    queue: Named
    agent: Person
    assigned: int
    messages: list[int]
    closed: int | None
    rating_kind: str
    rating_score: int | None
    rated: int | None
    anonymized: int | None
    delay: int
    """How long after it happens each thing becomes visible to the exports, in ms."""
    bits: int
    """64 random bits for small choices in records."""
    redacted: dict[int, Redaction] = field(default_factory=dict)
    """Messages that were redacted one by one, by their places, counted from 0. The conversation
    itself does not change by that."""

    @property
    def events(self) -> list[int]:
        """Every time at which the conversation changes, in order."""
        later = (self.assigned, self.closed, self.rated, self.anonymized)
        return sorted([self.created, *self.messages, *(t for t in later if t is not None)])

    def seen_at(self, now: int) -> int:
        """The time up to which the exports know this conversation."""
        return now - self.delay

    def from_customer(self, place: int) -> bool:
        """Whether the message at a place, counted from 0, is the customer's."""
        return self.inbound == (place % 2 == 0)

    def automated(self, place: int) -> bool:
        """Whether the message at a place, counted from 0, was sent by a machine."""
        return place == 1 and self.messages[1] == self.messages[0]

    def is_anonymized(self, seen: int) -> bool:
        """Whether it was anonymized by a time."""
        return self.anonymized is not None and self.anonymized <= seen

    def updated(self, seen: int) -> int:
        """The last change up to a time that is not before `created`."""
        events = self.events
        return events[bisect_right(events, seen) - 1]

    def last_message(self, seen: int) -> int:
        """The newest message up to a time that is not before `created`."""
        return self.messages[bisect_right(self.messages, seen) - 1]


def draw(desk: Desk, number: int, created: int, slowest: int) -> Life:
    """Draw a conversation's life.

    Args:
        desk: The desk it takes place at.
        number: The conversation's number; the same number gives the same life.
        created: When it begins, in Unix ms.
        slowest: The longest that the exports lag behind events, in ms.
    """
    random = Random(desk.seed << 40 ^ number)
    chance = random.random
    channel = random.choices([*CHANNELS], [*CHANNELS.values()])[0]
    quick = channel in PHONE or channel in CHAT
    pace = MINUTE if quick else 2 * HOUR
    queue = int(chance() ** 1.6 * len(desk.queues))
    agent = desk.members[queue][int(chance() * 8)]

    # An automatic reply has the very millisecond of the message before it.
    messages = [created, created] if channel in EMAIL and chance() < 0.3 else [created]
    count = 1 if channel in PHONE else 1 + int(chance() ** 2 * 9)
    while len(messages) < count:
        messages.append(messages[-1] + 1_000 + int(random.expovariate(1 / pace)))
    assigned = created + 500 + int(random.expovariate(1 / (pace / 4)))
    last = max(messages[-1], assigned)

    closed = None
    fate = chance()
    if fate < 0.12:
        closed = (last // DAY + 1) * DAY  # the nightly job closes what is left, all at once
    elif fate < 0.95:
        closed = last + 1_000 + int(random.expovariate(1 / pace))
    rated = closed + int(random.expovariate(1 / (6 * HOUR))) if closed and chance() < 0.3 else None
    kind = "nps" if chance() < 0.2 else "csat"
    score = 1 + int(chance() ** 0.4 * (10 if kind == "nps" else 5)) if rated else None
    anonymized = None
    if closed and chance() < 0.02:
        settled = max(closed, rated or 0)
        anonymized = (settled // DAY + 20 + int(chance() * 60)) * DAY + 2 * HOUR

    return Life(
        number=number,
        created=created,
        channel=channel,
        inbound=chance() < 0.92,
        customer=desk.customer(int(chance() * desk.customers)),
        queue=desk.queues[queue],
        agent=agent,
        assigned=assigned,
        messages=messages,
        closed=closed,
        rating_kind=kind,
        rating_score=score,
        rated=rated,
        anonymized=anonymized,
        delay=int(chance() * slowest),
        bits=random.getrandbits(64),
    )

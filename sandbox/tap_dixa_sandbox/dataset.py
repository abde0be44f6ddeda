"""The sandbox's data: what either API finds at any time.

Conversations are drawn when they are needed, and some thousands are kept; of the others, only
four times are (32 bytes each), so that a million of them fit. The same seed, size and span of
days give the same conversations in every sandbox, whenever it was started.
"""

from array import array
from collections.abc import Callable, Iterator
from functools import lru_cache
from random import Random
from threading import RLock
from typing import Any

from tap_dixa_sandbox import records
from tap_dixa_sandbox.arrivals import DAY, load_until, time_of
from tap_dixa_sandbox.desk import Desk
from tap_dixa_sandbox.directory import Directory
from tap_dixa_sandbox.filters import Interval
from tap_dixa_sandbox.life import Life, Redaction, draw

Inside = Callable[[int], bool]

TIMES = ("created", "updated", "closed", "last_message_created")
"""The times that the export can filter by, by the names of its filters."""
_CREATED, _UPDATED, _, _LAST_MESSAGE = range(len(TIMES))

_NEVER = -1
_KEPT = 4096
"""How many conversations are kept after they were drawn."""


class DataSet:
    """A support desk's conversations and messages.

    Args:
        conversations: About how many there are between `days` ago and now.
        days: How far back they go; the first day is whole, in UTC.
        now: The clock, in Unix ms. It must not go back.
        seed: Any integer; another one gives other data.
        late: The longest that the exports lag behind events, in ms.
        contacts: How many end users there are; None for a third of the conversations. Another
            number gives other conversations.
    """

    def __init__(  # noqa: PLR0913, PLR0917 (each is a size of its own)
        self,
        conversations: int,
        days: int,
        now: Callable[[], int],
        seed: int = 1,
        late: int = 0,
        contacts: int | None = None,
    ) -> None:
        self.now = now
        self.start = (now() // DAY - days) * DAY
        """Nothing is older than this, in Unix ms."""
        self._per_load = conversations / (days / 7)
        self.desk = Desk(seed, max(1, conversations // 3) if contacts is None else contacts)
        self.directory = Directory(self.desk)
        """The lists of the Dixa API. Rows can be removed from them."""
        self._late = late
        self._first = self._next = int(load_until(self.start) * self._per_load) + 1
        self._times = {name: array("q") for name in TIMES}
        self._changing: dict[int, Life] = {}
        self._anonymized: dict[int, int] = {}
        self._redacted: dict[int, dict[int, Redaction]] = {}
        self._lock = RLock()
        self._drawn = lru_cache(_KEPT)(self._draw)

    def conversations(
        self, filters: dict[str, Inside], ids: set[int] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the conversations that pass all filters, in no order, as they are now.

        Args:
            filters: For some of `TIMES`, whether a time (Unix ms) passes.
            ids: If given, only these.
        """
        places = [(TIMES.index(name), inside) for name, inside in filters.items()]
        now, found = self._find(
            lambda times: all(inside(times[place]) for place, inside in places), ids
        )
        for number in found:
            life = self.draw(number)
            yield records.conversation(self.desk, life, life.seen_at(now))

    def messages(self, inside: Inside, oldest: int, newest: int) -> Iterator[dict[str, Any]]:
        """Yield the messages created inside an interval, in no order, as they are now.

        Args:
            inside: Whether a time (Unix ms) lies in it.
            oldest: The start of the interval, in Unix ms.
            newest: The end of the interval, in Unix ms.
        """
        now, found = self._find(
            lambda times: times[_CREATED] <= newest and times[_LAST_MESSAGE] >= oldest
        )
        for number in found:
            life = self.draw(number)
            written = list(records.messages(life, life.seen_at(now)))
            yield from (record for record in reversed(written) if inside(record["created_at"]))

    def lives(self, interval: Interval) -> Iterator[Life]:
        """Yield each conversation that may have events in an interval, in order."""
        oldest, newest = interval.after, interval.before
        _, found = self._find(lambda times: times[_CREATED] <= newest and times[_UPDATED] >= oldest)
        redacted = {
            number
            for number, messages in self._redacted.items()
            if any(oldest <= one.time <= newest for one in messages.values())
        }
        return map(self.draw, sorted(redacted.union(found)))

    def life(self, csid: int) -> tuple[Life, int]:
        """Return a conversation and the time (Unix ms) up to which the APIs know it.

        Raises:
            LookupError: There is no such conversation, or it is not visible yet.
        """
        with self._lock:
            now = self.now()
            self._catch_up(now)
            if self._first <= csid < self._next:
                life = self.draw(csid)
                if life.created <= life.seen_at(now):
                    return life, life.seen_at(now)
        raise LookupError(f"There is no conversation {csid}")

    def draw(self, number: int) -> Life:
        """Draw the conversation with a number, whether or not it is visible yet."""
        life = self._drawn(number)
        life.anonymized = self._anonymized.get(number, life.anonymized)
        life.redacted = self._redacted.get(number, {})
        return life

    def _draw(self, number: int) -> Life:
        share = Random(self.desk.seed << 40 ^ number).random()
        created = time_of((number + share) / self._per_load)
        return draw(self.desk, number, created, self._late)

    def anonymize(self, csid: int) -> None:
        """Anonymize a conversation now. This becomes visible as late as its other changes.

        As in Dixa, its end user is not anonymized. A conversation that is anonymized already
        does not change.

        Args:
            csid: The conversation's id.

        Raises:
            LookupError: There is no such conversation, or it is not visible yet.
        """
        with self._lock:
            life, seen = self.life(csid)
            now = seen + life.delay
            if life.anonymized is not None and life.anonymized <= now:
                return
            self._anonymized[csid] = life.anonymized = now
            for values in self._times.values():
                values[csid - self._first] = _NEVER
            self._changing[csid] = life
            self._settle(life, now)

    def redact(self, csid: int, message_id: str) -> None:
        """Redact a single message now: it loses its text and its files.

        This becomes visible as late as its conversation's other changes. A message that is
        redacted already, or anonymized with its conversation, does not change.

        Args:
            csid: The conversation's id.
            message_id: The message's id.

        Raises:
            LookupError: There is no such message, or it is not visible yet.
        """
        with self._lock:
            life, seen = self.life(csid)
            now = seen + life.delay
            written = list(records.messages(life, seen))
            places = {message["id"]: place for place, message in enumerate(written)}
            if message_id not in places:
                raise LookupError(f"There is no message {message_id} in conversation {csid}")
            place = places[message_id]
            if place in life.redacted or life.is_anonymized(now):
                return
            files = len(written[place].get("attached_files") or ())
            redaction = Redaction(now, written[place].get("text") is not None, files)
            self._redacted[csid] = {**life.redacted, place: redaction}

    def _find(
        self, passes: Callable[[tuple[int, ...]], bool], ids: set[int] | None = None
    ) -> tuple[int, list[int]]:
        with self._lock:
            now = self.now()
            self._catch_up(now)
            found = [
                self._first + place
                for place, values in enumerate(zip(*self._times.values(), strict=True))
                if values[_CREATED] != _NEVER and passes(values)
            ]
            found += [
                life.number
                for life in self._changing.values()
                if (times := _times(life, life.seen_at(now))) and passes(times)
            ]
        if ids is not None:
            found = [number for number in found if number in ids]
        Random(len(found)).shuffle(found)
        return now, found

    def _catch_up(self, now: int) -> None:
        """Draw what was created by now, and record the times of what will not change any more."""
        for life in list(self._changing.values()):
            self._settle(life, now)
        while (life := self.draw(self._next)).created <= now:
            self._next += 1
            for values in self._times.values():
                values.append(_NEVER)
            self._changing[life.number] = life
            self._settle(life, now)

    def _settle(self, life: Life, now: int) -> None:
        if life.events[-1] <= life.seen_at(now):
            for name, time in zip(TIMES, _times(life, now) or (), strict=True):
                self._times[name][life.number - self._first] = time
            del self._changing[life.number]


def _times(life: Life, seen: int) -> tuple[int, ...] | None:
    """Return `TIMES`; None if the conversation is not visible yet."""
    if life.created > seen:
        return None
    closed = life.closed if life.closed is not None and life.closed <= seen else _NEVER
    return life.created, life.updated(seen), closed, life.last_message(seen)

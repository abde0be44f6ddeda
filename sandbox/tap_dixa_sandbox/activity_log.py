"""The activity log: the entries about a conversation, and those about all of them.

Every event in the log has a time at which the conversation changes for the exports too, except
that a message was redacted.
"""

from collections.abc import Iterator
from random import Random
from typing import Any, Literal, NamedTuple
from uuid import UUID, uuid5

from tap_dixa_sandbox import notes, records
from tap_dixa_sandbox.arrivals import DAY
from tap_dixa_sandbox.dataset import DataSet
from tap_dixa_sandbox.desk import AUTO_REPLY, PHONE, Desk, Person
from tap_dixa_sandbox.filters import Interval
from tap_dixa_sandbox.life import Life
from tap_dixa_sandbox.times import zoned

Order = Literal["ascending", "descending", "shuffled"]
"""The order of the log. Dixa does not document it."""

_IDS = UUID("5b0c5a4e-9d3f-4a5b-8a57-d1ca10600000")
_SHAPES = {
    "ConversationCreatedByCustomer": "ConversationCreated",
    "ConversationCreatedByAgent": "ConversationCreated",
    "MessageAddedByCustomer": "MessageAdded",
    "MessageAddedByAgent": "MessageAdded",
    "ConversationAutoreplySent": "ConversationAutoReplySent",
    "ConversationMessageRedacted": "MessageRedacted",
}
"""The `_type` of the attributes, where it does not have the name of the event's kind."""
_REDACTED = "ConversationMessageRedacted"


class Event(NamedTuple):
    """An event in a conversation."""

    time: int
    """When it happens, in Unix ms."""
    kind: str
    """Its kind, the `_type` of the entry."""
    place: int = 0
    """The index of its message, note or tag."""


class Place(NamedTuple):
    """An entry's time (Unix ms), its conversation's number and its index in that conversation."""

    time: int
    number: int
    entry: int


def places(data: DataSet, interval: Interval, as_of: int, order: Order) -> list[Place]:
    """Find the entries about all conversations in an interval.

    Args:
        data: The data.
        interval: The interval.
        as_of: The entries that were visible at this time are found (Unix ms, not after now).
        order: How to sort them.
    """
    found = [
        Place(event.time, life.number, place)
        for life in data.lives(interval)
        for place, event in enumerate(_events(data.desk, life))
        if event.time <= life.seen_at(as_of) and interval(event.time)
    ]
    found.sort(reverse=order == "descending")
    if order == "shuffled":
        Random(as_of).shuffle(found)
    return found


def entries(desk: Desk, life: Life, seen: int) -> Iterator[dict[str, Any]]:
    """Yield the entries about a conversation as of a time, the oldest first.

    Args:
        desk: The desk it took place at.
        life: The conversation.
        seen: The time, in Unix ms.
    """
    about = _Details(desk, life, seen)
    place = 0
    for event in _events(desk, life):
        if event.time > seen:
            return
        # Whatever is redacted, the other entries keep their ids.
        redacted = event.kind == _REDACTED
        name = f"redacted {event.place}" if redacted else place
        place += not redacted
        entry = {
            "id": str(uuid5(_IDS, f"{life.bits} {name}")),
            "conversationId": life.number,
            "activityTimestamp": zoned(event.time),
            "activityType": f"{event.kind}ActivityType",
            "_type": event.kind,
            "author": about.author(event),
            "attributes": about.attributes(event),
        }
        yield {name: value for name, value in entry.items() if value is not None}


def _events(desk: Desk, life: Life) -> list[Event]:
    """List all events of a conversation, past and future, by time; several can share one."""
    by_customer, by_agent = "MessageAddedByCustomer", "MessageAddedByAgent"
    origin = "ConversationCreatedByCustomer" if life.inbound else "ConversationCreatedByAgent"
    found = [Event(life.created, origin)]
    tags = desk.some_tags(Random(life.bits))
    found += [Event(life.created, "TagAdded", place) for place in range(len(tags))]
    for place, time in enumerate(life.messages):
        kind = by_customer if life.from_customer(place) else by_agent
        found.append(Event(time, kind, place))
        if life.automated(place) and kind == by_agent:
            found.append(Event(time, "ConversationAutoreplySent"))
    found.append(Event(life.assigned, "ConversationAssigned"))
    found += [Event(note.time, "NoteAdded", place) for place, note in enumerate(notes.drawn(life))]
    if life.closed is not None:
        found.append(Event(life.closed, "ConversationClosed"))
        if life.rated is not None or not life.bits & 1:
            found.append(Event(life.closed, "ConversationRatingOffered"))
    if life.rated is not None:
        found.append(Event(life.rated, "ConversationRated"))
    found += [Event(one.time, _REDACTED, place) for place, one in life.redacted.items()]
    return sorted(found, key=lambda event: event.time)


class _Details:
    """The author and the attributes of each event of a conversation."""

    def __init__(self, desk: Desk, life: Life, seen: int) -> None:
        self._desk = desk
        self._life = life
        self._anonymized = life.is_anonymized(seen)
        self._tags = desk.some_tags(Random(life.bits))
        self._messages = list(records.messages(life, seen))
        self._notes = notes.rows(life, seen)

    def author(self, event: Event) -> dict[str, Any] | None:
        """Return who caused an event; None if nobody did."""
        life, kind = self._life, event.kind
        if kind.endswith("ByCustomer") or kind == "ConversationRated":
            return self._user(life.customer)
        by_agent = (
            kind.endswith("ByAgent")
            or kind in {"NoteAdded", _REDACTED}
            or (kind == "ConversationAssigned" and life.bits & 8)
            or (kind == "ConversationClosed" and event.time % DAY)
        )
        return self._user(life.agent) if by_agent else None

    def attributes(self, event: Event) -> dict[str, Any] | None:
        """Return the attributes that an event of its kind has; None if it has none."""
        life, (time, kind, place) = self._life, event
        values: dict[str, Any]
        match kind:
            case "ConversationCreatedByCustomer" | "ConversationCreatedByAgent":
                values = {"subject": self._then("subject", time)}
            case "TagAdded":
                values = {"tag": self._tags[place].name}
            case "MessageAddedByCustomer" | "MessageAddedByAgent":
                message = self._messages[place]
                sender = message.get("from") or message.get("from_phone_number")
                values = {"messageId": message["id"], "fromEndpoint": sender}
            case "ConversationAutoreplySent":
                values = {"templateName": AUTO_REPLY}
            case "ConversationAssigned":
                values = {"agentId": life.agent.id, "agentName": life.agent.name}
            case "NoteAdded":
                values = {"message": self._notes[place]["message"]}
            case "ConversationMessageRedacted":
                redaction = life.redacted[place]
                values = {
                    "messageId": self._messages[place]["id"],
                    "wasTextRedacted": redaction.text,
                    "numberOfDeletedFiles": redaction.files,
                }
            case "ConversationRatingOffered":
                values = {"agent": self._user(life.agent), "user": self._user(life.customer)}
            case "ConversationRated":
                values = {
                    "agent": self._user(life.agent),
                    "score": life.rating_score,
                    "message": self._then("rating_message", time),
                }
            case _:
                return None
        given = {name: value for name, value in values.items() if value is not None}
        return {"_type": f"{_SHAPES.get(kind, kind)}Attribute", **given}

    def _then(self, field: str, time: int) -> Any:
        """Return a field of the export as of a time; None if it was anonymized since."""
        if self._anonymized:
            return None
        return records.conversation(self._desk, self._life, time).get(field)

    def _user(self, person: Person) -> dict[str, Any]:
        if self._anonymized and person == self._life.customer:
            return {"id": person.id, "name": records.ANONYMIZED}
        user = {"id": person.id, "name": person.name, "email": person.email}
        if self._life.channel in PHONE:
            user["phoneNumber"] = person.phone
        return user

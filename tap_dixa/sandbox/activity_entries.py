"""Tell what happened in a conversation as the activity log does, entry by entry.

Whatever happens in the log happens at a moment at which the conversation changes for the
exports too.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid5

from tap_dixa.sandbox import notes, records
from tap_dixa.sandbox.arrivals import DAY
from tap_dixa.sandbox.desk import PHONE
from tap_dixa.sandbox.times import zoned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_dixa.sandbox.desk import Desk, Person
    from tap_dixa.sandbox.life import Life

_IDS = UUID("5b0c5a4e-9d3f-4a5b-8a57-d1ca10600000")


_SHAPES = {
    "ConversationCreatedByCustomer": "ConversationCreated",
    "ConversationCreatedByAgent": "ConversationCreated",
    "MessageAddedByCustomer": "MessageAdded",
    "MessageAddedByAgent": "MessageAdded",
    "ConversationAutoreplySent": "ConversationAutoReplySent",
}
"""The shape of the attributes, where it is not called as the kind is."""


class Happening(NamedTuple):
    """Something that happens in a conversation."""

    moment: int
    """When, in Unix ms."""
    kind: str
    """What, as the log's `_type` calls it."""
    place: int = 0
    """Which message, note or tag it is about, counted from 0."""


def happenings(desk: Desk, life: Life) -> list[Happening]:
    """Give all that ever happens in a conversation, in order; many things happen at once.

    Args:
        desk: The desk it takes place at.
        life: The conversation.
    """
    by_customer, by_agent = "MessageAddedByCustomer", "MessageAddedByAgent"
    origin = "ConversationCreatedByCustomer" if life.inbound else "ConversationCreatedByAgent"
    found = [Happening(life.created, origin)]
    tags = desk.some_tags(Random(life.bits))
    found += [Happening(life.created, "TagAdded", place) for place in range(len(tags))]
    for place, moment in enumerate(life.messages):
        kind = by_customer if life.from_customer(place) else by_agent
        found.append(Happening(moment, kind, place))
        if life.automated(place) and kind == by_agent:
            found.append(Happening(moment, "ConversationAutoreplySent"))
    found.append(Happening(life.assigned, "ConversationAssigned"))
    found += [
        Happening(note.moment, "NoteAdded", place) for place, note in enumerate(notes.drawn(life))
    ]
    if life.closed is not None:
        found.append(Happening(life.closed, "ConversationClosed"))
        if life.rated is not None or not life.bits & 1:
            found.append(Happening(life.closed, "ConversationRatingOffered"))
    if life.rated is not None:
        found.append(Happening(life.rated, "ConversationRated"))
    return sorted(found, key=lambda happening: happening.moment)


def entries(desk: Desk, life: Life, seen: int) -> Iterator[dict[str, Any]]:
    """Write the log's entries about a conversation as they stood at a moment, in order.

    Args:
        desk: The desk it took place at.
        life: The conversation.
        seen: The moment, in Unix ms.
    """
    about = _Attributes(desk, life, seen)
    for place, happening in enumerate(happenings(desk, life)):
        if happening.moment > seen:
            return
        entry = {
            "id": str(uuid5(_IDS, f"{life.bits} {place}")),
            "conversationId": life.number,
            "activityTimestamp": zoned(happening.moment),
            "activityType": f"{happening.kind}ActivityType",
            "_type": happening.kind,
            "author": about.author(happening),
            "attributes": about.attributes(happening),
        }
        yield {name: value for name, value in entry.items() if value is not None}


class _Attributes:
    """What entries of different kinds say about a conversation."""

    def __init__(self, desk: Desk, life: Life, seen: int) -> None:
        self._desk = desk
        self._life = life
        self._gone = life.is_anonymized(seen)
        self._tags = desk.some_tags(Random(life.bits))
        self._messages = list(records.messages(life, seen))
        self._notes = notes.rows(life, seen)

    def author(self, happening: Happening) -> dict[str, Any] | None:
        """Say who did it; None if it came about by itself."""
        life = self._life
        match happening.kind:
            case "ConversationCreatedByCustomer" | "MessageAddedByCustomer" | "ConversationRated":
                return self._user(life.customer)
            case "ConversationCreatedByAgent" | "MessageAddedByAgent" | "NoteAdded":
                return self._user(life.agent)
            case "ConversationAssigned" if life.bits & 8:
                return self._user(life.agent)
            case "ConversationClosed" if happening.moment % DAY:
                return self._user(life.agent)
        return None

    def attributes(self, happening: Happening) -> dict[str, Any] | None:
        """Say more about it, in a shape of its kind's own; None if there is no more."""
        said = self._said(happening)
        if said is None:
            return None
        shape = _SHAPES.get(happening.kind, happening.kind)
        given = {name: value for name, value in said.items() if value is not None}
        return {"_type": f"{shape}Attribute", **given}

    def _said(self, happening: Happening) -> dict[str, Any] | None:
        life, (moment, kind, place) = self._life, happening
        said: dict[str, Any] | None = None
        match kind:
            case "ConversationCreatedByCustomer" | "ConversationCreatedByAgent":
                said = {"subject": self._then("subject", moment)}
            case "TagAdded":
                said = {"tag": self._tags[place].name}
            case "MessageAddedByCustomer" | "MessageAddedByAgent":
                message = self._messages[place]
                sender = message.get("from") or message.get("from_phone_number")
                said = {"messageId": message["id"], "fromEndpoint": sender}
            case "ConversationAutoreplySent":
                said = {"templateName": "We are on it"}
            case "ConversationAssigned":
                said = {"agentId": life.agent.id, "agentName": life.agent.name}
            case "NoteAdded":
                said = {"message": self._notes[place]["message"]}
            case "ConversationRatingOffered":
                said = {"agent": self._user(life.agent), "user": self._user(life.customer)}
            case "ConversationRated":
                message = self._then("rating_message", moment)
                agent = self._user(life.agent)
                said = {"agent": agent, "score": life.rating_score, "message": message}
        return said

    def _then(self, field: str, moment: int) -> Any:
        """Give what the exports said at a moment, unless it is to be forgotten."""
        if self._gone:
            return None
        return records.conversation(self._desk, self._life, moment).get(field)

    def _user(self, person: Person) -> dict[str, Any]:
        if self._gone and person == self._life.customer:
            return {"id": person.id, "name": records.GONE}
        user = {"id": person.id, "name": person.name, "email": person.email}
        if self._life.channel in PHONE:
            user["phoneNumber"] = person.phone
        return user

"""The internal notes that agents leave in some conversations."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from tap_dixa.sandbox.desk import sentence, uuid
from tap_dixa.sandbox.records import GONE
from tap_dixa.sandbox.times import instant

if TYPE_CHECKING:
    from tap_dixa.sandbox.life import Life


@dataclass(frozen=True, slots=True)
class Note:
    """One note, and when it was written, in Unix ms."""

    id: str
    moment: int
    message: str


def drawn(life: Life) -> list[Note]:
    """Draw all notes of a conversation, the oldest first; most have none.

    They are written while the conversation changes anyway, so that they need no change of
    its own.
    """
    if life.bits >> 20 & 7:
        return []
    random = Random(life.bits ^ 0x907E)
    moments = [life.assigned] if life.closed is None else [life.assigned, life.closed]
    some = moments[: random.randrange(1, 3)]
    return [Note(uuid(random), moment, sentence(random)) for moment in some]


def rows(life: Life, seen: int) -> list[dict[str, Any]]:
    """Write the notes as they stood at a moment, the oldest first.

    Args:
        life: The conversation.
        seen: The moment, in Unix ms.
    """
    return [
        {
            "id": note.id,
            "authorId": life.agent.id,
            "createdAt": instant(note.moment),
            "csid": life.number,
            "message": GONE if life.is_anonymized(seen) else note.message,
        }
        for note in drawn(life)
        if note.moment <= seen
    ]

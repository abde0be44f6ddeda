"""The internal notes that agents leave in some conversations."""

from random import Random
from typing import Any, NamedTuple

from tap_dixa_sandbox.desk import sentence, uuid
from tap_dixa_sandbox.life import Life
from tap_dixa_sandbox.records import ANONYMIZED
from tap_dixa_sandbox.times import instant


class Note(NamedTuple):
    """One note, and when it was written, in Unix ms."""

    id: str
    time: int
    message: str


def drawn(life: Life) -> list[Note]:
    """Draw all notes of a conversation, the oldest first; most have none.

    Their times are times at which the conversation changes anyway.
    """
    if life.bits >> 20 & 7:
        return []
    random = Random(life.bits ^ 0x907E)
    times = [life.assigned] if life.closed is None else [life.assigned, life.closed]
    some = times[: random.randrange(1, 3)]
    return [Note(uuid(random), time, sentence(random)) for time in some]


def rows(life: Life, seen: int) -> list[dict[str, Any]]:
    """List the rows of the notes as of a time, the oldest first.

    Args:
        life: The conversation.
        seen: The time, in Unix ms.
    """
    return [
        {
            "id": note.id,
            "authorId": life.agent.id,
            "createdAt": instant(note.time),
            "csid": life.number,
            "message": ANONYMIZED if life.is_anonymized(seen) else note.message,
        }
        for note in drawn(life)
        if note.time <= seen
    ]

"""Which messages the stream ``messages`` refreshes: those of anonymized conversations.

When a conversation is anonymized, its messages lose their personal data, but Dixa only filters
messages by the time at which they were created. The one trace is the conversation's own export.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from tap_dixa.timestamps import EARLIEST, LATEST, parse, to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY = "refresh"
_NO_TIME = (b"", b"null", b"0", b"false", b'""')
_TOLERANCE = 3_600_000
"""How far from its conversation's times a message is looked for, in ms: they may be rounded."""


@dataclass(frozen=True, slots=True)
class RefreshBookmark:
    """How far the refresh is, beside the bookmark of the stream. All times are Unix ms.

    It is ``{"refresh": {"conversations": …}}`` in the stream's state, with RFC 3339 times.
    """

    conversations: int
    """The messages of conversations that were updated before this are refreshed."""
    step: int | None = None
    """Where the step that was interrupted ends, by the conversations' ``updated_at``."""
    messages: int | None = None
    """In this step, messages that were created before this are refreshed."""

    @classmethod
    def read(cls, state: Mapping[str, Any]) -> RefreshBookmark | None:
        """Read it from the stream's state; None if there is none.

        Raises:
            AttributeError: A time is not a text.
            OverflowError: A time is out of range.
            TypeError: It is not an object of these times.
            ValueError: A time is not a date-time.
        """
        if (saved := state.get(_KEY)) is None:
            return None
        found = cls(**{name: parse(time) for name, time in dict(saved).items()})
        if found.step is None or found.step <= found.conversations or found.messages is None:
            # Whoever merges states by their keys may leave a step that is done.
            return cls(found.conversations)
        return found

    def save(self, state: dict[str, Any]) -> None:
        """Write it to the stream's state."""
        times = {"conversations": self.conversations, "step": self.step, "messages": self.messages}
        state[_KEY] = {name: to_rfc3339(time) for name, time in times.items() if time is not None}


class Conversation(msgspec.Struct):
    """A conversation of the export. Whatever its times are, its messages are found."""

    id: int
    created_at: msgspec.Raw = msgspec.Raw()
    last_message_created_at: msgspec.Raw = msgspec.Raw()
    anonymized_at: msgspec.Raw = msgspec.Raw()

    @property
    def is_anonymized(self) -> bool:
        """Whether it has an ``anonymized_at``, usable or not."""
        return bytes(self.anonymized_at) not in _NO_TIME

    def span(self) -> tuple[int, int] | None:
        """When its messages were created.

        Returns:
            A half-open interval in Unix ms, a little longer than it must be; None if its times
            are missing, unusable, or contradict each other.
        """
        first, last = _milliseconds(self.created_at), _milliseconds(self.last_message_created_at)
        if first is None or last is None or first > last + _TOLERANCE:
            return None
        return first - _TOLERANCE, last + _TOLERANCE


def _milliseconds(raw: msgspec.Raw) -> int | None:
    try:
        time = msgspec.json.decode(raw, type=int)
    except (msgspec.DecodeError, OverflowError):
        return None
    return time if EARLIEST <= time <= LATEST else None

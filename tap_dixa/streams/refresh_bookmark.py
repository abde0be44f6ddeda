"""How far the refresh of a stream is, in the stream's state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_dixa.timestamps import parse, to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY = "refresh"


@dataclass(frozen=True, slots=True)
class RefreshBookmark:
    """How far the refresh is, beside the bookmark of the stream. All times are Unix ms.

    It is ``{"refresh": {"conversations": …}}`` in the stream's state, with RFC 3339 times.
    """

    conversations: int
    """What Dixa erased before this is refreshed, by the conversations' ``updated_at`` and by the
    time of the log's entry if a single message was redacted."""
    step: int | None = None
    """Where the step that was interrupted ends, by the same times."""
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

"""Cancel work in other threads."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threading import Event

_cancelled: ContextVar[Event | None] = ContextVar("cancelled", default=None)


class CancelledError(Exception):
    """The work of this thread is no longer needed."""


def cancel_on(event: Event) -> None:
    """Let an event cancel the work of the current thread."""
    _cancelled.set(event)


def raise_if_cancelled() -> None:
    """End the work of the current thread with `CancelledError`, if it is cancelled."""
    event = _cancelled.get()
    if event is not None and event.is_set():
        raise CancelledError

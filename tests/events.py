"""Wait for what happens, however long a busy machine takes over it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_Event = TypeVar("_Event")

HANG = 120
"""What takes longer than this hangs, in seconds. Nothing that is tested comes near it."""


def wait_until(event: Callable[[], _Event]) -> _Event:
    """Look again and again until there is something; give it."""
    until = time.monotonic() + HANG
    while not (found := event()):
        assert time.monotonic() < until, "it does not happen"
        time.sleep(0.01)
    return found

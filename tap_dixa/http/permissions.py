"""Which streams are skipped, and the warnings about them."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from tap_dixa.errors import NoAccessError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tap_dixa.errors import RefusedError


class Permissions:
    """Which streams of a run are skipped. Safe to use from several threads.

    A token that may read nothing at all is one error, not a warning for each stream: so
    warnings are held back until the first successful response.

    Args:
        selected: Returns the names of the selected streams.
        warn: Logs a warning, from a message and its arguments.
    """

    def __init__(self, selected: Callable[[], Iterable[str]], warn: Callable[..., None]) -> None:
        self._selected = selected
        self._warn = warn
        self._lock = Lock()
        self._any_granted = False
        self._denied: dict[str, str] = {}
        self._pending: list[str] = []

    def granted(self) -> None:
        """Record a successful response."""
        with self._lock:
            self._any_granted = True
            self._flush()

    def skip(self, stream: str, error: RefusedError, *, begun: bool) -> None:
        """Skip a stream: the token may not read it, or the account lacks it.

        Args:
            stream: The stream's name.
            error: What says so.
            begun: Whether a part of the stream has been read.

        Raises:
            RefusedError: A part has been read: the rest would be silently missing.
            NoAccessError: No selected stream can be read.
        """
        if begun:
            raise error
        with self._lock:
            self._denied[stream] = str(error)
            self._pending.append(stream)
            if self._any_granted:
                self._flush()
            elif self._denied.keys() >= set(self._selected()):
                raise NoAccessError(next(iter(self._denied.values())))

    def flush(self) -> None:
        """Log the warnings that are still held back, at the end of a run without a response."""
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        for stream in self._pending:
            self._warn("Skipping stream %s: %s", stream, self._denied[stream])
        self._pending.clear()

"""Decide whether a stream is skipped, and warn of those that are."""

from collections.abc import Callable, Iterable
from threading import Lock

from tap_dixa.errors import NoAccessError, RefusedError


class Permissions:
    """Decides whether a stream may be skipped, and warns. Safe to use from several threads.

    A token that may read nothing at all is one error, not a warning for each stream: so
    warnings are held back until the first successful response.
    """

    def __init__(self, selected: Callable[[], Iterable[str]], warn: Callable[..., None]) -> None:
        self._selected = selected
        self._warn = warn
        self._lock = Lock()
        self._held_back: dict[str, str] | None = {}
        """Why each stream is skipped of which no warning was logged; None once all may be."""

    def skip(self, stream: str, error: RefusedError, *, begun: bool) -> None:
        """Let a stream be skipped, which the token may not read or the account lacks.

        Raises:
            RefusedError: The stream has begun: the rest of it would be silently missing.
            NoAccessError: No selected stream can be read.
        """
        if begun:
            raise error
        with self._lock:
            if self._held_back is None:
                self._warn_of(stream, str(error))
                return
            self._held_back[stream] = str(error)
            if self._held_back.keys() >= set(self._selected()):
                raise NoAccessError(next(iter(self._held_back.values())))

    def flush(self) -> None:
        """Log the warnings held back: a response was successful, or the run ends without one."""
        with self._lock:
            for stream, reason in (self._held_back or {}).items():
                self._warn_of(stream, reason)
            self._held_back = None

    def _warn_of(self, stream: str, reason: str) -> None:
        self._warn("Skipping stream %s: %s", stream, reason)

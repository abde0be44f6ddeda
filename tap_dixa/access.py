"""Which streams the token may read: one that it may not is left out, and the rest goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_dixa.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Access:
    """Keeps account of what Dixa let the token see in a run.

    A token that may see nothing at all is one line, not one for each stream: so the first
    warnings are held back until something could be read.

    Args:
        selected: Gives the names of the streams that are to be synced.
        warn: Takes a message and its arguments.
    """

    def __init__(self, selected: Callable[[], Iterable[str]], warn: Callable[..., None]) -> None:
        self._selected = selected
        self._warn = warn
        self._granted = False
        self._denied: dict[str, str] = {}
        self._unsaid: list[tuple[str, str]] = []

    def granted(self) -> None:
        """Note that Dixa gave a proper answer."""
        self._granted = True
        while self._unsaid:
            self._warn("%s is left out: %s", *self._unsaid.pop(0))

    def denied(self, stream: str, why: str) -> None:
        """Note that a stream is left out.

        Raises:
            RefusedError: There is no other that could be read.
        """
        self._denied[stream] = why
        self._unsaid.append((stream, why))
        if self._granted:
            self.granted()
        elif self._denied.keys() >= set(self._selected()):
            raise RefusedError(next(iter(self._denied.values())))

"""How long windows may be, learned from those that fail."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from tap_dixa.download.windows import LONGEST
from tap_dixa.errors import TooMuchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_dixa.download.windows import Window

SHORTEST = 3_600_000
"""A window that is not longer than this is not halved, in ms: an hour."""


class WindowLength:
    """The longest window that Dixa exports at once, in ms. Several threads may use it.

    It is halved when a window fails, and kept if Dixa says that the window is too much. Any other
    failure may be an outage, after which long windows succeed again. So the length goes through
    these states:

    - full: no window has failed for its length
    - suspected: a window has failed, and all shorter ones since then
    - tried: a shorter one has succeeded, and one of twice its length is tried
    - settled: that one has failed too, or Dixa has said that a window is too much
    """

    def __init__(self) -> None:
        self.longest = LONGEST
        self._suspected: int | None = None
        """The length of the window that has failed, until it is certain that it is too long."""
        self._succeeded = 0
        """The longest window that has succeeded since then."""
        # Threads whose windows fail at the same time must not halve the length once each.
        self._lock = Lock()

    @property
    def tried(self) -> bool:
        """Whether a window is tried that is longer than those that succeed."""
        return self._suspected is not None and self._succeeded > 0

    @property
    def settled(self) -> bool:
        """Whether longer windows are known to fail."""
        return self.longest < LONGEST and self._suspected is None

    def failed(self, window: Window, error: Exception) -> None:
        """Request less from now on than a window that failed.

        Args:
            window: The window, longer than an hour.
            error: Why it failed.
        """
        with self._lock:
            shorter = max(-(-window.length // 2), SHORTEST)
            if shorter >= self.longest:
                return
            if self.tried and self._succeeded < window.length:
                shorter = max(shorter, self._succeeded)
            if self.tried or isinstance(error, TooMuchError):
                self._suspected = None
            else:
                self._suspected = max(self._suspected or 0, window.length)
            self._succeeded = 0
            self.longest = shorter

    def succeeded(self, window: Window) -> None:
        """Try longer windows, unless they are known to fail."""
        with self._lock:
            if self._suspected is None:
                return
            self._succeeded = max(self._succeeded, window.length)
            if self._succeeded >= self._suspected:
                self._suspected, self.longest = None, LONGEST
            else:
                self.longest = max(self.longest, min(2 * self._succeeded, self._suspected))

    def parts_of(self, windows: Iterable[Window]) -> Iterator[Window]:
        """Cut windows into equal parts, each as short as needed when it is requested."""
        for window in windows:
            rest: Window | None = window
            while rest is not None:
                part, rest = rest.cut(self.longest)
                yield part

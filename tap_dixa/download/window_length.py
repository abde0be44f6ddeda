"""How long windows may be, learned from those that fail."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from tap_dixa.download.windows import LONGEST
from tap_dixa.errors import TooMuchError

if TYPE_CHECKING:
    from tap_dixa.download.windows import Window

SHORTEST = 3_600_000
"""A window that is not longer than this is not halved, in ms: an hour."""


class WindowLength:
    """The longest window that Dixa exports at once, in ms. Several threads may use it.

    A window that fails is halved. It may have been too long, or Dixa may have been down. So when
    shorter windows succeed, the next ones are twice as long, up to the limit. If one of these
    fails, or if Dixa says that a window is too much, then it was too long, and the limit is less.
    """

    def __init__(self) -> None:
        self.longest = LONGEST
        """The longest window to request now."""
        self.limit = LONGEST
        """The longest window that is not known to be too long."""
        self._succeeded = 0
        """The longest window that has succeeded since a failure that may have been an outage; 0 if
        there was none, or nothing has succeeded since."""
        # Threads whose windows fail at the same time must not halve the length once each.
        self._lock = Lock()

    def is_trial(self, window: Window) -> bool:
        """Whether windows have succeeded since the last failure, but all of them shorter."""
        return 0 < self._succeeded < window.length

    def failed(self, window: Window, error: Exception) -> bool:
        """Request less from now on than a window that failed, which was longer than an hour.

        Returns:
            Whether the limit is less now.
        """
        with self._lock:
            shorter = max(-(-window.length // 2), SHORTEST)
            if shorter >= self.longest:
                return False
            is_too_long = isinstance(error, TooMuchError)
            if self.is_trial(window):
                shorter, is_too_long = max(shorter, self._succeeded), True
            if is_too_long:
                self.limit = shorter
            self.longest, self._succeeded = shorter, 0
            return is_too_long

    def succeeded(self, window: Window) -> None:
        """Request more from now on, up to the limit, if a window has failed before this one."""
        with self._lock:
            if self._succeeded or self.longest < self.limit:
                self._succeeded = max(self._succeeded, window.length)
                self.longest = max(self.longest, min(2 * self._succeeded, self.limit))

"""Windows of time, how an interval is split into them, and how long they may be.

A window is half-open: its start belongs to it, its end to the next one. Dixa does not document
whether its own filters include their bounds, so a request asks for a little more than the
window on both sides, and the tap keeps only what is inside. Every record then belongs to
exactly one window, however the bounds behave.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Self

from tap_dixa.errors import TooMuchError
from tap_dixa.timestamps import DAY, to_rfc3339

MARGIN = 1_000
"""How much more than the window is requested on each side, in ms.

One would do for inclusive and exclusive bounds; a second also covers a server that rounds
its filters to whole seconds.
"""

LONGEST_REQUEST = 31 * DAY
"""The longest interval of one request, in ms (Exports API; beyond it Dixa responds with 400)."""

LONGEST = LONGEST_REQUEST - 2 * MARGIN
"""The longest window, in ms."""

SHORTEST = 3_600_000
"""A window that is not longer than this is not halved, in ms: an hour."""


@dataclass(frozen=True, slots=True)
class Window:
    """The half-open interval ``start <= t < end``, both in Unix ms."""

    start: int
    end: int
    earliest: int | None = field(default=None, kw_only=True, compare=False)
    """Where the first window that is read with it starts, in Unix ms; None if that is not known."""

    @property
    def length(self) -> int:
        """How long it is, in ms."""
        return self.end - self.start

    @property
    def after(self) -> int:
        """The lower bound of the request's filter, in Unix ms."""
        return max(0, self.start - MARGIN)

    @property
    def before(self) -> int:
        """The upper bound of the request's filter, in Unix ms."""
        return self.end + MARGIN

    def cut(self, longest: int) -> tuple[Self, Self | None]:
        """Cut into equal parts of at most so many ms: the first one, and the rest if any."""
        parts = -(-self.length // longest)
        if parts <= 1:
            return self, None
        middle = self.start + -(-self.length // parts)
        return replace(self, end=middle), replace(self, start=middle)

    def __str__(self) -> str:
        return f"{to_rfc3339(self.start)} to {to_rfc3339(self.end)}"


def split(start: int, end: int, days: int) -> list[Window]:
    """Split ``start <= t < end``, in Unix ms, into consecutive windows, oldest first.

    Args:
        start: Where the first window starts.
        end: Where the last window ends. If that is not after the start, there are no windows.
        days: The longest a window may be. Dixa exports at most 31; such a window is two margins
            shorter, so that the request stays within the limit.
    """
    longest = min(days * DAY, LONGEST)
    return [Window(left, min(left + longest, end)) for left in range(start, end, longest)]


def cover(spans: Iterable[tuple[int, int]], days: int) -> list[Window]:
    """Cover half-open intervals, in Unix ms, with as few windows as possible, oldest first.

    None is longer than it must be, and none longer than `split` makes it of so many days.
    """
    longest = min(days * DAY, LONGEST)
    windows: list[Window] = []
    for start, end in sorted(spans):
        rest = start
        if windows and start < windows[-1].start + longest:
            last = windows.pop()
            rest = min(max(end, last.end), last.start + longest)
            windows.append(Window(last.start, rest))
        windows += split(rest, end, days)
    return windows


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

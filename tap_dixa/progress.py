"""How far a stream is: a log line a window, or a progress bar at the bottom of a terminal.

Whatever else writes to the terminal, the log or the target, finds the cursor at the line's
beginning and overwrites it, and the bar is drawn again below. So it is kept shorter than the
lines of a log. Nothing about the terminal is changed that would have to be restored.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Event, RLock, Thread
from typing import TextIO

from tap_dixa.download.spool import Spool
from tap_dixa.download.windows import Window

_DELAY = 0.5
"""A stream that takes no longer needs no bar, in seconds."""
_INTERVAL = 0.2
"""How often the bar is drawn, in seconds."""
_WIDEST = 90
"""How wide the bar is at most, in columns. In the SDK's log lines, here and in its targets, 70
columns precede the message."""


class Progress:
    """Shows a bar, or logs a line a window: at the level DEBUG if there is no other.

    Args:
        name: The stream's name, and its partition's.
        windows: The windows, in order. Each may be read in parts.
        log: Logs a message, from it, its arguments and the level.
        bar: Shows it, if there is one.
    """

    def __init__(
        self,
        name: str,
        windows: Sequence[Window],
        log: Callable[..., None],
        bar: ProgressBar | None,
    ) -> None:
        self._name = name
        self._ends = [window.end for window in windows]
        self._to_read = sum(window.length for window in windows)
        self._log = log
        self._bar = bar
        self._read_until = self._read = 0
        """Up to where, in Unix ms, and how much of the time range, in ms, has been emitted."""
        self._records = self._bytes = 0
        self._started = self._last = time.monotonic()
        if bar is not None:
            bar.show(self.line)

    def window_done(self, spool: Spool) -> None:
        """Report a window, or a part of one, whose last record has been emitted."""
        window = spool.window
        self._read_until = window.end
        self._read += window.length
        self._records += len(spool)
        self._bytes += spool.size
        now = time.monotonic()
        is_news = self._bar is None and window.length < self._to_read
        self._log(
            "%s: window %d of %d, %s: %d records, %.1f MB, %.1f s",
            self._name,
            bisect_left(self._ends, window.end) + 1,
            len(self._ends),
            window,
            len(spool),
            spool.size / 1e6,
            now - self._last,
            level=logging.INFO if is_news else logging.DEBUG,
        )
        self._last = now

    def line(self, width: int) -> str:
        """Format how far the stream is now, in so many columns."""
        # Most runs have no bar, and need not wait for its import.
        from tqdm import tqdm  # noqa: PLC0415

        passed = time.monotonic() - self._started
        clock = f"{tqdm.format_interval(passed)} elapsed"
        if self._read:
            left = passed / self._read * (self._to_read - self._read)
            clock = f"about {tqdm.format_interval(left)} left"
        windows = f"{bisect_right(self._ends, self._read_until)} of {len(self._ends)} windows"
        moved = f"{self._records:,} records, {self._bytes / 1e6:,.0f} MB, {clock}"
        return tqdm.format_meter(
            self._read,
            self._to_read,
            passed,
            ncols=width,
            ascii=not sys.stderr.encoding.lower().startswith("utf"),
            bar_format=f"{self._name}: {windows} |{{bar}}| {moved}",
        )

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.hide()


class ProgressBar:
    """Draws a line of text several times a second."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._lock = RLock()  # a signal may come while its thread hides the line
        self._drawn = 0
        self._hidden = Event()
        atexit.register(self.hide)

    @classmethod
    def if_watched(cls) -> ProgressBar | None:
        """Return a bar if somebody watches: if log lines, and only they, go to a terminal."""
        log = logging.getLogger()
        watched = (
            [getattr(handler, "stream", None) for handler in log.handlers] == [sys.stderr]
            and log.getEffectiveLevel() <= logging.INFO
            and sys.stderr is not None
            and sys.stderr.isatty()
            and not sys.stdout.isatty()
            and os.environ.get("TERM") != "dumb"
        )
        return cls(sys.stderr) if watched else None

    def show(self, line: Callable[[int], str]) -> None:
        """Start drawing what a function returns, which a thread calls with a number of columns."""
        self._hidden = Event()
        Thread(target=self._run, args=[line, self._hidden], daemon=True).start()

    def hide(self) -> None:
        """Stop drawing, and clear the line."""
        with self._lock:
            self._hidden.set()
            self._draw("")

    def _run(self, line: Callable[[int], str], hidden: Event) -> None:
        delay = _DELAY
        with suppress(OSError):  # the terminal was closed
            while not hidden.wait(delay):
                columns = os.get_terminal_size(self._terminal.fileno()).columns or _WIDEST
                text = line(min(columns - 1, _WIDEST))
                with self._lock:
                    if not hidden.is_set():
                        self._draw(text)
                delay = _INTERVAL

    def _draw(self, text: str) -> None:
        if self._drawn or text:
            self._terminal.write(f"\r{text:<{self._drawn}}\r")
            self._terminal.flush()
            self._drawn = len(text)

"""A progress bar at the bottom of a terminal, for whoever watches a sync.

Whatever else writes to the terminal, the log or the target, finds the cursor at the line's
beginning and overwrites it, and the bar is drawn again below. So it is kept shorter than the
lines of a log. Nothing about the terminal is changed that would have to be restored.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
from contextlib import suppress
from threading import Event, RLock, Thread
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

_DELAY = 0.5
"""A stream that takes no longer needs no bar, in seconds."""
_INTERVAL = 0.2
"""How often the bar is drawn, in seconds."""
_WIDEST = 90
"""How wide the bar is at most, in columns. In the SDK's log lines, here and in its targets, 70
columns precede the message."""
_METRICS = logging.getLogger("singer_sdk.metrics")


class ProgressBar:
    """Draws a line of text several times a second.

    Args:
        terminal: Where.
    """

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._lock = RLock()  # a signal may come while its thread hides the line
        self._drawn = 0
        self._hidden = Event()
        self._metrics_level = logging.NOTSET

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
        """Start drawing, and stop logging metrics: the bar shows them.

        Args:
            line: Returns the text to draw, given how many columns it may have. It is called in
                a thread.
        """
        self._hidden = Event()
        self._metrics_level = _METRICS.level
        _METRICS.setLevel(logging.WARNING)
        atexit.register(self.hide)
        Thread(target=self._run, args=[line, self._hidden], daemon=True).start()

    def hide(self) -> None:
        """Stop drawing, and leave the terminal and the metrics' log level as they were."""
        with self._lock:
            if not self._hidden.is_set():
                self._hidden.set()
                self._draw("")
                _METRICS.setLevel(self._metrics_level)
                atexit.unregister(self.hide)

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

"""A line at the foot of a terminal that says how far a sync is, for whoever watches it.

Whatever else writes to the terminal, the log or the loader, finds the cursor at the line's
beginning and writes over it, and the line is drawn again below. So it is kept shorter than the
lines of a log. Nothing about the terminal is changed that would have to be put right again.
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

_PATIENCE = 0.5
"""A stream that takes no longer needs no bar, in seconds."""
_EVERY = 0.2
"""How often the line is drawn, in seconds."""
_WIDEST = 90
"""How long the line is at most, in columns. The SDK begins a line of its log, here and in its
loaders, with 70 before the message."""
_METRICS = logging.getLogger("singer_sdk.metrics")


class Bar:
    """Draws a line several times a second.

    Args:
        terminal: Where.
    """

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._lock = RLock()  # a signal may come while its thread hides the line
        self._drawn = 0
        self._hidden = Event()

    @classmethod
    def if_watched(cls) -> Bar | None:
        """Give a bar if somebody watches: if log lines, and only they, go to a terminal."""
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
        """Begin to draw, and end to log metrics: they are what the line shows.

        Args:
            line: Gives the line's text, from how many columns it may have. It is called in a
                thread.
        """
        self._hidden = Event()
        _METRICS.setLevel(logging.WARNING)
        atexit.register(self.hide)
        Thread(target=self._run, args=[line, self._hidden], daemon=True).start()

    def hide(self) -> None:
        """Draw no more, and leave the terminal as it was."""
        with self._lock:
            if not self._hidden.is_set():
                self._hidden.set()
                self._draw("")
                _METRICS.setLevel(logging.NOTSET)
                atexit.unregister(self.hide)

    def _run(self, line: Callable[[int], str], hidden: Event) -> None:
        patience = _PATIENCE
        with suppress(OSError):  # the terminal has gone
            while not hidden.wait(patience):
                columns = os.get_terminal_size(self._terminal.fileno()).columns or _WIDEST
                text = line(min(columns - 1, _WIDEST))
                with self._lock:
                    if not hidden.is_set():
                        self._draw(text)
                patience = _EVERY

    def _draw(self, text: str) -> None:
        if self._drawn or text:
            self._terminal.write(f"\r{text:<{self._drawn}}\r")
            self._terminal.flush()
            self._drawn = len(text)

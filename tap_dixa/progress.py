"""Tell the person who watches a sync how far it is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_dixa.windows import Window


class Progress:
    """Logs a line a window and a summary at the end.

    Args:
        stream: The stream's name.
        total: How many windows there are.
        log: Takes a message and its arguments, as a logger's ``info`` does.
    """

    def __init__(self, stream: str, total: int, log: Callable[..., None]) -> None:
        self._stream = stream
        self._total = total
        self._log = log
        self._done = 0
        self._records = 0
        self._bytes = 0
        self._started = self._last = time.monotonic()

    def window_done(self, window: Window, records: int, size: int) -> None:
        """Report a window whose last record has been emitted.

        Args:
            window: The window.
            records: How many records it held.
            size: How large Dixa's answer was, in bytes.
        """
        now = time.monotonic()
        self._done += 1
        self._records += records
        self._bytes += size
        left = (now - self._started) / self._done * (self._total - self._done)
        self._log(
            "%s: window %d of %d, %s: %d records, %.1f MB, %.1f s; about %.0f s left",
            self._stream,
            self._done,
            self._total,
            window,
            records,
            size / 1e6,
            now - self._last,
            left,
        )
        self._last = now

    def summary(self) -> None:
        """Report the whole stream."""
        self._log(
            "%s: done, windows: %d, records: %d, %.1f MB, %.1f s",
            self._stream,
            self._done,
            self._records,
            self._bytes / 1e6,
            time.monotonic() - self._started,
        )

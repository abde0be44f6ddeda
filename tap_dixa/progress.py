"""How far a sync is: a log line a window, or a progress bar."""

from __future__ import annotations

import sys
import time
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_dixa.download.windows import Window
    from tap_dixa.progress_bar import ProgressBar


@dataclass(slots=True)
class Traffic:
    """What a stream has received and emitted so far. A progress bar reads it now and then."""

    received: int = 0
    """How many bytes have been downloaded."""
    emitted: int = 0
    """How many records have been emitted."""

    def count(self, body: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the blocks of a response's body, and count their bytes."""
        for block in body:
            self.received += len(block)
            yield block


class Progress:
    """Shows a bar, or logs a line a window; and logs a summary at the end.

    Args:
        stream: The stream's name.
        windows: The windows, in order. Each may be read in parts.
        log: Logs a message, from it and its arguments.
        traffic: What the stream has received and emitted.
        bar: Shows it, if there is one.
    """

    def __init__(
        self,
        stream: str,
        windows: Sequence[Window],
        log: Callable[..., None],
        traffic: Traffic,
        bar: ProgressBar | None,
    ) -> None:
        self._stream = stream
        self._ends = [window.end for window in windows]
        self._to_read = sum(window.length for window in windows)
        self._log = log
        self._traffic = traffic
        self._bar = bar
        self._responses = 0
        self._read_until = 0
        self._read = 0
        """How much of the time range has been emitted, in ms."""
        self._records = 0
        self._bytes = 0
        self._emitting = 0
        """How long the window is that is being emitted, in ms."""
        self._in_window = 0
        self._before = Traffic(traffic.received, traffic.emitted)
        self._started = self._last = time.monotonic()
        if bar is not None:
            bar.show(self.line)

    def window_started(self, window: Window, records: int) -> None:
        """Record that the records of a window are about to be emitted.

        Args:
            window: The window, or a part of it.
            records: How many records it holds.
        """
        self._emitting = window.length
        self._in_window = records

    def window_done(self, window: Window, records: int, size: int) -> None:
        """Report a window whose last record has been emitted.

        Args:
            window: The window, or a part of it.
            records: How many records it held.
            size: The response's size, in bytes.
        """
        now = time.monotonic()
        self._responses += 1
        self._read_until = window.end
        self._read += window.length
        self._records += records
        self._bytes += size
        self._in_window = 0
        if self._bar is not None:
            return
        left = (now - self._started) / self._read * (self._to_read - self._read)
        self._log(
            "%s: window %d of %d, %s: %d records, %.1f MB, %.1f s; about %.0f s left",
            self._stream,
            bisect_left(self._ends, window.end) + 1,
            len(self._ends),
            window,
            records,
            size / 1e6,
            now - self._last,
            left,
        )
        self._last = now

    def line(self, width: int) -> str:
        """Format how far the stream is now.

        Args:
            width: How many columns it may have.
        """
        # Most runs have no bar, and need not wait for its import.
        from tqdm import tqdm  # noqa: PLC0415

        emitted = self._traffic.emitted - self._before.emitted
        received = self._traffic.received - self._before.received
        share = (emitted - self._records) / self._in_window if self._in_window else 0
        done = self._read + min(max(share, 0), 1) * self._emitting
        passed = time.monotonic() - self._started
        # The first window waits for its download: how long it takes says little of the others.
        left = passed / done * (self._to_read - done) if self._read else None
        clock = (
            f"{tqdm.format_interval(passed)} elapsed"
            if left is None
            else f"about {tqdm.format_interval(left)} left"
        )
        windows = f"{bisect_right(self._ends, self._read_until)} of {len(self._ends)} windows"
        moved = f"{emitted:,} records, {received / 1e6:,.0f} MB, {clock}"
        return tqdm.format_meter(
            done,
            self._to_read,
            passed,
            ncols=width,
            ascii=not sys.stderr.encoding.lower().startswith("utf"),
            bar_format=f"{self._stream}: {windows} |{{bar}}| {moved}",
        )

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.hide()

    def summary(self) -> None:
        """Log a summary of the whole stream."""
        self._log(
            "%s: done, windows: %d, records: %d, %.1f MB, %.1f s",
            self._stream,
            self._responses,
            self._records,
            self._bytes / 1e6,
            time.monotonic() - self._started,
        )

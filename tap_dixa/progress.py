"""How far a sync is: a log line a window, or a progress bar."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_dixa.progress_bar import ProgressBar


@dataclass(slots=True)
class Traffic:
    """What a stream has received and emitted so far. A progress bar reads it now and then."""

    received: int = 0
    """How many bytes have been downloaded."""
    emitted: int = 0
    """How many records have been emitted."""

    def count(self, body: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the parts of a response's body, and count their bytes."""
        for part in body:
            self.received += len(part)
            yield part


class Progress:
    """Shows a bar, or logs a line a window; and logs a summary at the end.

    Args:
        stream: The stream's name.
        total: How many windows there are.
        log: Logs a message, from it and its arguments.
        traffic: What the stream has received and emitted.
        bar: Shows it, if there is one.
    """

    def __init__(
        self,
        stream: str,
        total: int,
        log: Callable[..., None],
        traffic: Traffic,
        bar: ProgressBar | None,
    ) -> None:
        self._stream = stream
        self._total = total
        self._log = log
        self._traffic = traffic
        self._bar = bar
        self._done = 0
        self._records = 0
        self._bytes = 0
        self._in_window = 0
        self._before = Traffic(traffic.received, traffic.emitted)
        self._started = self._last = time.monotonic()
        if bar is not None:
            bar.show(self.line)

    def window_started(self, records: int) -> None:
        """Record that the records of a window are about to be emitted.

        Args:
            records: How many records it holds.
        """
        self._in_window = records

    def window_done(self, window: object, records: int, size: int) -> None:
        """Report a window whose last record has been emitted.

        Args:
            window: The window, as it is logged.
            records: How many records it held.
            size: The response's size, in bytes.
        """
        now = time.monotonic()
        self._done += 1
        self._records += records
        self._bytes += size
        self._in_window = 0
        if self._bar is not None:
            return
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

    def line(self, width: int) -> str:
        """Format how far the stream is now.

        Args:
            width: How many columns it may have.
        """
        # Most runs have no bar, and need not wait for its import.
        from tqdm import tqdm  # noqa: PLC0415

        emitted = self._traffic.emitted - self._before.emitted
        received = self._traffic.received - self._before.received
        part = (emitted - self._records) / self._in_window if self._in_window else 0
        done = self._done + min(max(part, 0), 1)
        passed = time.monotonic() - self._started
        # The first window waits for its download: how long it takes says little of the others.
        left = passed / done * (self._total - done) if self._done else None
        clock = (
            f"{tqdm.format_interval(passed)} elapsed"
            if left is None
            else f"about {tqdm.format_interval(left)} left"
        )
        moved = f"{emitted:,} records, {received / 1e6:,.0f} MB, {clock}"
        return tqdm.format_meter(
            done,
            self._total,
            passed,
            ncols=width,
            ascii=not sys.stderr.encoding.lower().startswith("utf"),
            bar_format=f"{self._stream}: {self._done} of {self._total} windows |{{bar}}| {moved}",
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
            self._done,
            self._records,
            self._bytes / 1e6,
            time.monotonic() - self._started,
        )

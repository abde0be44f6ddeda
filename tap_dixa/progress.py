"""Tell the person who watches a sync how far it is."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_dixa.bar import Bar
    from tap_dixa.windows import Window


@dataclass(slots=True)
class Flow:
    """What has moved in a stream. A bar looks at it from time to time."""

    received: int = 0
    """How many bytes have been downloaded."""
    emitted: int = 0
    """How many records have gone on their way."""

    def metered(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield chunks of an answer, and count their bytes."""
        for chunk in chunks:
            self.received += len(chunk)
            yield chunk


class Progress:
    """Shows a bar, or logs a line a window; and logs a summary at the end.

    Args:
        stream: The stream's name.
        total: How many windows there are.
        log: Takes a message and its arguments, as a logger's ``info`` does.
        flow: What moves.
        bar: Shows it, if there is one.
    """

    def __init__(
        self, stream: str, total: int, log: Callable[..., None], flow: Flow, bar: Bar | None
    ) -> None:
        self._stream = stream
        self._total = total
        self._log = log
        self._flow = flow
        self._bar = bar
        self._done = 0
        self._records = 0
        self._bytes = 0
        self._in_window = 0
        self._before = Flow(flow.received, flow.emitted)
        self._started = self._last = time.monotonic()
        if bar is not None:
            bar.show(self.line)

    def window_begun(self, records: int) -> None:
        """Note that a window has been downloaded.

        Args:
            records: How many records it holds.
        """
        self._in_window = records

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
        """Say how far the stream is, at this moment.

        Args:
            width: How many columns there are.
        """
        # Most runs have no bar, and need not wait for its import.
        from tqdm import tqdm  # noqa: PLC0415

        emitted = self._flow.emitted - self._before.emitted
        received = self._flow.received - self._before.received
        part = (emitted - self._records) / self._in_window if self._in_window else 0
        done = self._done + min(max(part, 0), 1)
        passed = time.monotonic() - self._started
        # The first window waits for its download: what it tells of the others is far off.
        left = passed / done * (self._total - done) if self._done else None
        clock = (
            f"{tqdm.format_interval(passed)} passed"
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
        """Take the bar away."""
        if self._bar is not None:
            self._bar.hide()

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

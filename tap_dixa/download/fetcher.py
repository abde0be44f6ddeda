"""Download windows, with retries, and halve those that are too large."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

from tap_dixa.download.prefetch import prefetch
from tap_dixa.download.windows import LONGEST
from tap_dixa.errors import DiskError, TooMuchError, UnusableRecordError
from tap_dixa.http import failures
from tap_dixa.timestamps import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_dixa.download.spool import Spool
    from tap_dixa.download.windows import Window
    from tap_dixa.http.client import Client
    from tap_dixa.http.retries import Retries

    Download = Callable[[Window, Retries], Spool]

SHORTEST = 3_600_000
"""A window that is not longer than this is not halved, in ms: an hour."""


class WindowFetcher:
    """Downloads a stream's windows, some of them ahead, and yields them in order.

    A window that fails for a reason that less may resolve is halved. The halves are windows like
    any other: each is emitted, and its file closed, before later ones. `WindowLength` learns from
    that for the stream's other windows.

    Args:
        client: The stream's client.
        download: Downloads a window with retries: it raises one of `failures.FAILURES` once they
            are exhausted.
    """

    def __init__(self, client: Client, download: Download) -> None:
        self._client = client
        self._download = download
        self._length = WindowLength()

    def fetch(self, windows: Sequence[Window], *, ahead: int) -> Iterator[Spool]:
        """Yield the responses for windows, as many as it takes, oldest first.

        At most `ahead` responses are under way or on disk beyond the one that was yielded.

        Raises:
            RetriesExhaustedError: All attempts failed.
            RefusedError: Dixa refuses the request.
            UnusableRecordError: A record has no usable key or replication key.
            DiskError: The response could not be written.
        """
        run = [replace(window, earliest=windows[0].start) for window in windows]
        yield from self._fetch(run, ahead)

    def _fetch(self, windows: Iterable[Window], ahead: int) -> Iterator[Spool]:
        parts = self._parts_of(windows)
        with closing(prefetch(self._fetch_beginning, parts, ahead=ahead)) as downloads:
            for window, spool in downloads:
                yield spool
                if spool.window.end < window.end:
                    # One part at a time: later windows are on disk, or under way.
                    yield from self._fetch([replace(window, start=spool.window.end)], ahead=0)

    def _parts_of(self, windows: Iterable[Window]) -> Iterator[Window]:
        """Cut windows into equal parts, each as short as needed when it is requested."""
        for window in windows:
            rest: Window | None = window
            while rest is not None:
                part, rest = rest.cut(self._length.longest)
                yield part

    def _fetch_beginning(self, window: Window) -> Spool:
        """Download a window, or as much of its beginning as Dixa exports at once."""
        retries = self._client.retries()
        limit_is_less = False
        while True:
            part, _ = window.cut(self._length.longest)
            can_be_halved = part.length > SHORTEST
            retries.attempts_before_less = None
            if can_be_halved:
                # Of a longer window than those that succeed, one failure says enough.
                is_trial = self._length.is_trial(part)
                retries.attempts_before_less = 1 if is_trial else failures.ATTEMPTS_BEFORE_LESS
            try:
                spool = self._download(part, retries)
            except failures.FAILURES as error:
                if can_be_halved and failures.less_may_succeed(error):
                    limit_is_less |= self._length.failed(part, error)
                    window, _ = part.cut(self._length.longest)
                    retries.wait(error, window)
                elif isinstance(error, TooMuchError):
                    raise
                else:
                    what = f"{self._client.stream}: {part} could not be downloaded"
                    raise retries.exhausted(error, what) from error
            except (UnusableRecordError, DiskError) as error:
                raise type(error)(f"{self._client.stream}: {part}: {error}") from None
            else:
                self._length.succeeded(part)
                if limit_is_less:
                    self._report_limit()
                return spool

    def _report_limit(self) -> None:
        """Log that windows are shorter than the settings say."""
        limit = self._length.limit
        days = limit // DAY
        self._client.warn(
            "%s: Dixa cannot export more than %.1f hours at once, so the tap requests windows in "
            "parts. %s",
            self._client.stream,
            limit / 3_600_000,
            f"Set window_days to {days} to do so from the start"
            if days
            else "window_days cannot be that small",
        )


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

"""Download windows, with retries, and halve those that are too large."""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from tap_dixa import retry
from tap_dixa.download.prefetch import Prefetch
from tap_dixa.download.window_length import SHORTEST, WindowLength
from tap_dixa.errors import DiskError, TooMuchError, UnusableRecordError
from tap_dixa.timestamps import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_dixa.download.spool import Spool
    from tap_dixa.download.windows import Window
    from tap_dixa.retries import Retries

    Download = Callable[[Window, Retries], Spool]

_NO_SETTING = "window_days cannot be that small"


class _Stream(Protocol):
    """What the fetcher needs of its stream."""

    @property
    def name(self) -> str: ...

    def retries(self) -> Retries: ...

    def log(self, message: str, *args: Any, level: int = ...) -> None: ...


class WindowFetcher:
    """Downloads a stream's windows, some of them ahead, and yields them in order.

    A window that fails for a reason that less may resolve is halved. The halves are windows like
    any other: each is emitted, and its file closed, before later ones. The length that worked is
    kept for the stream's other windows.

    Args:
        stream: The stream.
    """

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self._length = WindowLength()
        self._reported: int | None = None
        self._report_lock = Lock()

    def fetch(
        self, windows: Sequence[Window], download: Download, *, ahead: int
    ) -> Iterator[Spool]:
        """Yield the responses for consecutive windows, as many as it takes, oldest first.

        Args:
            windows: The windows.
            download: Downloads a window with retries: it raises one of `retry.FAILURES` once they
                are exhausted.
            ahead: How many responses may be under way or on disk beyond the one that was yielded.

        Raises:
            RetriesExhaustedError: All attempts failed.
            RefusedError: Dixa refuses the request.
            UnusableRecordError: A record has no usable key or replication key.
            DiskError: The response could not be written.
        """
        run = [replace(window, earliest=windows[0].start) for window in windows]

        def fetch_first_part(window: Window) -> Spool:
            return self._fetch_first_part(window, download)

        with closing(Prefetch(fetch_first_part, self._length.parts_of(run), ahead=ahead)) as queue:
            while (taken := queue.take()) is not None:
                window, spool = taken
                if spool.window.end < window.end:
                    rest = replace(window, start=spool.window.end)
                    queue.put_first(self._length.parts_of([rest]))
                queue.start()
                yield spool

    def _fetch_first_part(self, window: Window, download: Download) -> Spool:
        """Download a window, or as much of its beginning as Dixa exports at once."""
        retries = self._stream.retries()
        while True:
            part, _ = window.cut(self._length.longest)
            can_be_halved = part.length > SHORTEST
            if can_be_halved:
                # Of a longer window than those that succeed, one failure says enough.
                retries.attempts_before_less = (
                    1 if self._length.tried else retry.ATTEMPTS_BEFORE_LESS
                )
            else:
                retries.attempts_before_less = None
            try:
                spool = download(part, retries)
            except retry.FAILURES as error:
                if can_be_halved and retry.less_may_succeed(error):
                    self._length.failed(part, error)
                    window, _ = part.cut(self._length.longest)
                    retries.wait(error, window)
                elif isinstance(error, TooMuchError):
                    raise
                else:
                    what = f"{self._stream.name}: {part} could not be downloaded"
                    raise retries.exhausted(error, what) from error
            except (UnusableRecordError, DiskError) as error:
                raise type(error)(f"{self._stream.name}: {part}: {error}") from None
            else:
                self._length.succeeded(part)
                self._report_length()
                return spool

    def _report_length(self) -> None:
        """Log once that windows are shorter than the settings say."""
        longest = self._length.longest
        with self._report_lock:
            if not self._length.settled or self._reported == longest:
                return
            self._reported = longest
        days = longest // DAY
        self._stream.log(
            "%s: Dixa cannot export more than %.1f hours at once, so the tap requests windows in "
            "parts. %s",
            self._stream.name,
            longest / 3_600_000,
            f"Set window_days to {days} to do so from the start" if days else _NO_SETTING,
            level=logging.WARNING,
        )

"""Download windows, with retries, and halve those that are too large."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from tap_dixa.download.prefetch import Prefetch
from tap_dixa.download.window_length import SHORTEST, WindowLength
from tap_dixa.errors import DiskError, TooMuchError, UnusableRecordError
from tap_dixa.http import failures
from tap_dixa.timestamps import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_dixa.download.spool import Spool
    from tap_dixa.download.windows import Window
    from tap_dixa.http.retries import Retries

    Download = Callable[[Window, Retries], Spool]

_NO_SETTING = "window_days cannot be that small"


class _Client(Protocol):
    """What the fetcher needs of a client."""

    @property
    def stream(self) -> str: ...

    def retries(self) -> Retries: ...

    def warn(self, message: str, *args: Any) -> None: ...


class WindowFetcher:
    """Downloads a stream's windows, some of them ahead, and yields them in order.

    A window that fails for a reason that less may resolve is halved. The halves are windows like
    any other: each is emitted, and its file closed, before later ones. The length that worked is
    kept for the stream's other windows.

    Args:
        client: The client, for messages.
        download: Downloads a window with retries: it raises one of `failures.FAILURES` once they
            are exhausted.
    """

    def __init__(self, client: _Client, download: Download) -> None:
        self._client = client
        self._download = download
        self._length = WindowLength()

    def fetch(self, windows: Sequence[Window], *, ahead: int) -> Iterator[Spool]:
        """Yield the responses for consecutive windows, as many as it takes, oldest first.

        Args:
            windows: The windows.
            ahead: How many responses may be under way or on disk beyond the one that was yielded.

        Raises:
            RetriesExhaustedError: All attempts failed.
            RefusedError: Dixa refuses the request.
            UnusableRecordError: A record has no usable key or replication key.
            DiskError: The response could not be written.
        """
        run = [replace(window, earliest=windows[0].start) for window in windows]

        parts = self._length.parts_of(run)
        with closing(Prefetch(self._fetch_first_part, parts, ahead=ahead)) as queue:
            while (taken := queue.take()) is not None:
                window, spool = taken
                if spool.window.end < window.end:
                    rest = replace(window, start=spool.window.end)
                    queue.put_first(self._length.parts_of([rest]))
                queue.start()
                yield spool

    def _fetch_first_part(self, window: Window) -> Spool:
        """Download a window, or as much of its beginning as Dixa exports at once."""
        retries = self._client.retries()
        while True:
            part, _ = window.cut(self._length.longest)
            can_be_halved = part.length > SHORTEST
            retries.attempts_before_less = self._attempts(part) if can_be_halved else None
            try:
                spool = self._download(part, retries)
            except failures.FAILURES as error:
                if can_be_halved and failures.less_may_succeed(error):
                    self._length.failed(part, error)
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
                if self._length.succeeded(part):
                    self._report_limit()
                return spool

    def _attempts(self, part: Window) -> int:
        # Of a longer window than those that succeed, one failure says enough.
        return 1 if self._length.is_trial(part) else failures.ATTEMPTS_BEFORE_LESS

    def _report_limit(self) -> None:
        """Log that windows are shorter than the settings say."""
        limit = self._length.limit
        days = limit // DAY
        self._client.warn(
            "%s: Dixa cannot export more than %.1f hours at once, so the tap requests windows in "
            "parts. %s",
            self._client.stream,
            limit / 3_600_000,
            f"Set window_days to {days} to do so from the start" if days else _NO_SETTING,
        )

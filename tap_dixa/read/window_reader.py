"""Read windows of time: those of a run, downloaded ahead, halved if too large, read in order."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TypeVar

import msgspec

from tap_dixa.download.spool import Spool
from tap_dixa.download.windows import SHORTEST, Window, WindowLength
from tap_dixa.errors import DiskError, TooMuchError, UnusableRecordError
from tap_dixa.http.client import Client
from tap_dixa.http.retries import ATTEMPTS_BEFORE_LESS, FAILURES, Retries, less_may_succeed
from tap_dixa.prefetch import prefetch
from tap_dixa.progress import Progress
from tap_dixa.read.batches import Batch, Done, decode_row, grouped
from tap_dixa.timestamps import DAY, to_rfc3339

Download = Callable[[Window, Retries], Spool]

_Record = TypeVar("_Record")

_OUT_OF_PLACE = (
    "%s: %s: Dixa sent %d records from outside what this run reads (before its first window, or "
    "more than a day in the future); they are emitted and do not move the bookmark"
)


class WindowReader:
    """Reads windows of what Dixa filters by time, each as one response on disk.

    A window that fails for a reason that less may resolve is halved. The halves are windows like
    any other: each is emitted, and its file closed, before later ones. `WindowLength` learns from
    that for the stream's other windows.

    Args:
        client: Has the run, the stream's name and its log.
        download: Downloads a window with retries: it raises one of `FAILURES` once they are
            exhausted.
        windows: Those of the stream's time range, consecutive, oldest first.
    """

    def __init__(self, client: Client, download: Download, windows: Sequence[Window] = ()) -> None:
        self.client = client
        self.windows = windows
        self.begun = False
        """Whether Dixa has sent a window."""
        self._download = download
        self._length = WindowLength()

    def batches(
        self, windows: Sequence[Window] | None = None, context: Mapping[str, str] | None = None
    ) -> Iterator[Batch]:
        """Yield the records of the time range, oldest first, or of a partition and its windows."""
        windows = self.windows if windows is None else windows
        name = " ".join((self.client.stream, *(context or {}).values()))
        progress = Progress(name, windows, self.client.log, self.client.run.progress_bar)
        with closing(progress):
            for spool in self.spools(windows):
                window = spool.window
                bookmark = None
                for rows, last in grouped(self.records(spool)):
                    # Records that are out of place come first: they are no reason to move it.
                    bookmark = to_rfc3339(last) if last >= window.start else None
                    yield Batch(rows, window, Done(bookmark, context))
                yield Batch([], window, Done(None, context, is_worth_a_message=True))
                self.client.run.note_window(self.client.stream, windows[0].start, window.end)
                progress.window_done(spool)

    def spools(self, windows: Sequence[Window]) -> Iterator[Spool]:
        """Download windows, some of them ahead, in parts where Dixa cannot send one at once.

        Yields:
            The responses on disk, oldest first. Each has its window, and is to be closed before
            the next one is asked for. At most `parallel_downloads` others are under way or on disk.

        Raises:
            RetriesExhaustedError: All attempts failed.
            RefusedError: Dixa refuses the request.
            UnusableRecordError: A record has no usable key or replication key.
            DiskError: The response could not be written.
        """
        run = self.client.run
        whole = [replace(window, earliest=windows[0].start) for window in windows]
        for spool in self._downloads(whole, run.settings.parallel_downloads):
            self.begun = True
            run.report.export(self.client.stream, spool)
            yield spool

    def records(self, spool: Spool) -> Iterator[tuple[int, bytes]]:
        """Yield the time of each record, in Unix ms, and its JSON, and free the disk space."""
        if spool.out_of_place:
            self.client.warn(_OUT_OF_PLACE, self.client.stream, spool.window, spool.out_of_place)
        with closing(spool):
            yield from spool.records()
        self.client.warn_of_replaced(spool.window, spool.replaced)

    def decoded(self, window: Window, decoder: msgspec.json.Decoder[_Record]) -> Iterator[_Record]:
        """Yield the records of a window, decoded, for other uses than emitting."""
        for spool in self.spools([window]):
            for _, text in self.records(spool):
                yield decode_row(decoder.decode, text, self.client.stream, spool.window)

    def _downloads(self, windows: Iterable[Window], ahead: int) -> Iterator[Spool]:
        parts = self._parts_of(windows)
        with closing(prefetch(self._download_beginning, parts, ahead=ahead)) as downloads:
            for window, spool in downloads:
                yield spool
                if spool.window.end < window.end:
                    # One part at a time: later windows are on disk, or under way.
                    yield from self._downloads([replace(window, start=spool.window.end)], ahead=0)

    def _parts_of(self, windows: Iterable[Window]) -> Iterator[Window]:
        """Cut windows into equal parts, each as short as needed when it is requested."""
        for window in windows:
            rest: Window | None = window
            while rest is not None:
                part, rest = rest.cut(self._length.longest)
                yield part

    def _download_beginning(self, window: Window) -> Spool:
        """Download a window, or as much of its beginning as Dixa exports at once."""
        retries = self.client.retries()
        limit_is_less = False
        while True:
            part, _ = window.cut(self._length.longest)
            can_be_halved = part.length > SHORTEST
            retries.attempts_before_less = None
            if can_be_halved:
                # Of a longer window than those that succeed, one failure says enough.
                is_trial = self._length.is_trial(part)
                retries.attempts_before_less = 1 if is_trial else ATTEMPTS_BEFORE_LESS
            try:
                spool = self._download(part, retries)
            except FAILURES as error:
                if can_be_halved and less_may_succeed(error):
                    limit_is_less |= self._length.failed(part, error)
                    window, _ = part.cut(self._length.longest)
                    retries.wait(error, window)
                elif isinstance(error, TooMuchError):
                    raise
                else:
                    what = f"{self.client.stream}: {part} could not be downloaded"
                    raise retries.exhausted(error, what) from error
            except (UnusableRecordError, DiskError) as error:
                raise type(error)(f"{self.client.stream}: {part}: {error}") from None
            else:
                self._length.succeeded(part)
                if limit_is_less:
                    self._report_limit()
                return spool

    def _report_limit(self) -> None:
        """Log that windows are shorter than the settings say."""
        limit = self._length.limit
        days = limit // DAY
        self.client.warn(
            "%s: Dixa cannot export more than %.1f hours at once, so the tap requests windows in "
            "parts. %s",
            self.client.stream,
            limit / 3_600_000,
            f"Set window_days to {days} to do so from the start"
            if days
            else "window_days cannot be that small",
        )

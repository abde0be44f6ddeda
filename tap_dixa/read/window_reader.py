"""Read windows of time, in the order of the replication key."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from tap_dixa.download.fetcher import WindowFetcher
from tap_dixa.download.json_text import repair_text
from tap_dixa.progress import Progress
from tap_dixa.read.batches import Batch, Done, decode_row, grouped
from tap_dixa.timestamps import to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import msgspec

    from tap_dixa.download.fetcher import Download
    from tap_dixa.download.spool import Spool
    from tap_dixa.download.windows import Window
    from tap_dixa.http.client import Client

_Record = TypeVar("_Record")

_OUT_OF_PLACE = (
    "%s: %s: Dixa sent %d records from outside what this run reads (before its first window, or "
    "more than a day in the future); they are emitted and do not move the bookmark"
)


class WindowReader:
    """Reads windows of what Dixa filters by time, each as one response on disk.

    Args:
        client: Has the run, the stream's name and its log.
        download: Downloads a window with retries: see `WindowFetcher`.
        windows: Those of the stream's time range, consecutive, oldest first.
    """

    def __init__(self, client: Client, download: Download, windows: Sequence[Window] = ()) -> None:
        self.client = client
        self.windows = windows
        self.begun = False
        """Whether Dixa has sent a window."""
        self._fetcher = WindowFetcher(client, download)

    def batches(self) -> Iterator[Batch]:
        """Yield the records of the time range, oldest first."""
        return self.batches_of(self.windows)

    def batches_of(
        self, windows: Sequence[Window], context: Mapping[str, str] | None = None
    ) -> Iterator[Batch]:
        """Yield the records of consecutive windows, of a partition if the stream has partitions."""
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
                progress.window_done(spool)
        progress.summary()

    def spools(self, windows: Sequence[Window]) -> Iterator[Spool]:
        """Download windows, some of them ahead, in parts where Dixa cannot send one at once.

        Yields:
            The responses on disk, oldest first. Each has its window, and is to be closed before
            the next one is asked for.
        """
        run = self.client.run
        for spool in self._fetcher.fetch(windows, ahead=run.settings.parallel_downloads):
            self.begun = True
            run.report.export(self.client, spool)
            yield spool

    def records(self, spool: Spool) -> Iterator[tuple[int, bytes]]:
        """Yield the time of each record, in Unix ms, and its JSON, and free the disk space."""
        replaced = spool.replaced
        if spool.out_of_place:
            self.client.warn(_OUT_OF_PLACE, self.client.stream, spool.window, spool.out_of_place)
        with closing(spool):
            for time, text in spool.records():
                repaired, count = repair_text(text)
                replaced += count
                yield time, repaired
        self.client.warn_of_replaced(spool.window, replaced)

    def decoded(self, window: Window, decoder: msgspec.json.Decoder[_Record]) -> Iterator[_Record]:
        """Yield the records of a window, decoded, for other uses than emitting."""
        for spool in self.spools([window]):
            for _, text in self.records(spool):
                yield decode_row(decoder.decode, text, self.client.stream, spool.window)

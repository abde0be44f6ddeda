"""The base of streams that are read window by window."""

from __future__ import annotations

import logging
from abc import abstractmethod
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from typing_extensions import override

from tap_dixa.client import DixaStream
from tap_dixa.download.fetcher import WindowFetcher
from tap_dixa.download.json_text import repair_text
from tap_dixa.download.windows import MARGIN, Window, split
from tap_dixa.errors import (
    ForbiddenError,
    UnusableRecordError,
)
from tap_dixa.log_shapes import shown_text
from tap_dixa.output.compiled import CompiledNormalizer
from tap_dixa.output.fast_path import FastPathStream
from tap_dixa.output.json_numbers import decode
from tap_dixa.progress import Progress, Traffic
from tap_dixa.timestamps import DAY, to_milliseconds, to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from singer_sdk.helpers.types import Context, Record

    from tap_dixa.download.fetcher import Download
    from tap_dixa.download.spool import Spool
    from tap_dixa.output.compiled import Encodable
    from tap_dixa.retries import Retries

_NOT_DECODABLE = (msgspec.DecodeError, OverflowError, RecursionError)
_OUT_OF_PLACE = (
    "%s: %s: Dixa sent %d records from outside what this run reads (before its first window, or "
    "more than a day in the future); they are emitted and do not move the bookmark"
)


class WindowedStream(FastPathStream, DixaStream):
    """A stream whose records Dixa filters by time.

    A subclass has a ``name``, ``path``, ``primary_keys`` and ``replication_key``, the schema
    file ``schemas/NAME.json``, and a `download` method.
    """

    cursor: ClassVar[str]
    """The field that records are ordered by and that Dixa filters by, such as ``updated_at``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._any_downloaded = False
        self._fetcher = WindowFetcher(self)

    @abstractmethod
    def download(self, window: Window, retries: Retries) -> Spool:
        """Download a window.

        Args:
            window: The window.
            retries: Retries each request that it takes.

        Raises:
            RetriableAPIError: All attempts failed. It may be another one of `retry.FAILURES`, too.
            RefusedError: Dixa refuses the request.
            UnusableRecordError: A record has no usable key or replication key.
        """

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Yield every record between the starting point and the run's upper bound, in order.

        Raises:
            RefusedError: Dixa refuses a request.
            RetriesExhaustedError: A request failed in all of its attempts.
            UnusableRecordError: A record has no usable key or replication key.
        """
        for record in self.read(context, self._to_record):
            if record is not None:
                yield record
            else:
                self.write_state()

    @override
    def get_encodable_records(self, context: Context | None) -> Iterator[Encodable | None]:
        compiled = CompiledNormalizer(self.normalize)
        return self.read(context, compiled if self.on_fast_path() else self._to_record)

    def _to_record(self, text: bytes) -> Record:
        return self.normalize(decode(text))

    def read(
        self, context: Context | None, convert: Callable[[bytes], Encodable]
    ) -> Iterator[Encodable | None]:
        """Yield every record in order, and None at the end of each window.

        Args:
            context: What the SDK passes to `get_records`.
            convert: Makes what is yielded from a record's JSON.
        """
        windows = self.windows(context)
        if windows:
            self.bookmark_range = to_rfc3339(windows[0].start), to_rfc3339(windows[-1].end)
        name = " ".join((self.name, *(context or {}).values()))
        progress = Progress(name, windows, self.log, self.traffic, self.run.progress_bar)
        with closing(progress):
            for spool in self.downloads(windows):
                progress.window_started(spool.window, len(spool))
                yield from self.emit(spool, convert)
                yield None
                progress.window_done(spool.window, len(spool), spool.size)
        if not self.skipped:
            progress.summary()

    @property
    def lookback(self) -> int:
        """How far before its bookmark a sync starts, in ms."""
        return 1000 * self.settings.lookback_seconds

    def windows(self, context: Context | None) -> list[Window]:
        """Decide which windows this run reads.

        The run's upper bound, for all its streams, is a margin before its start: later changes
        belong to the next run, and no request filters by a time in the future.
        """
        settings = self.settings
        start: int = settings.start_date
        if (bookmark := self.get_starting_timestamp(context)) is not None:
            start = max(start, to_milliseconds(bookmark) - self.lookback)
        end = self.run.start - MARGIN
        if settings.end_date is not None:
            end = min(end, settings.end_date)
        if self.run.is_test:
            # --test wants to see a few records, and an export cannot be limited to a few.
            start = max(start, end - DAY)
        return split(start, end, settings.window_days)

    def fetch(self, windows: Sequence[Window], download: Download | None = None) -> Iterator[Spool]:
        """Download windows, some of them ahead, in parts where Dixa cannot export one at once.

        Args:
            windows: Consecutive windows.
            download: What to call instead of the stream's own `download`.

        Returns:
            The responses on disk, oldest first. Each has its window, and is to be closed before
            the next one is asked for.

        Raises:
            RetriesExhaustedError: All attempts failed.
            RefusedError: Dixa refuses the request.
            UnusableRecordError: A record has no usable key or replication key.
            DiskError: The response could not be written.
        """
        download = download or self.download

        def observed(window: Window, retries: Retries) -> Spool:
            spool = download(window, retries)
            self.run.report.export(self, window, spool)
            return spool

        return self._fetcher.fetch(windows, observed, ahead=self.settings.parallel_downloads)

    def emit(
        self,
        spool: Spool,
        convert: Callable[[bytes], Any],
        keep: Callable[[bytes], bool] | None = None,
    ) -> Iterator[Any]:
        """Yield a window's records, converted, and free its disk space.

        Args:
            spool: The response.
            convert: Makes what is yielded from a record's JSON.
            keep: Selects records by their JSON; without it, all are yielded.

        Raises:
            UnusableRecordError: A record cannot be decoded.
        """
        traffic, window, replaced = self.traffic, spool.window, spool.replaced
        if spool.out_of_place:
            self.log(_OUT_OF_PLACE, self.name, window, spool.out_of_place, level=logging.WARNING)
        with closing(spool):
            for text in spool:
                text, count = repair_text(text)  # noqa: PLW2901
                replaced += count
                try:
                    kept = keep is None or keep(text)
                    converted = convert(text) if kept else None
                except _NOT_DECODABLE as error:
                    raise UnusableRecordError(
                        f"{self.name}: {window}: a record cannot be decoded: {error}: "
                        f"{shown_text(text)}"
                    ) from None
                traffic.emitted += 1
                if kept:
                    yield converted
        self.warnings.replaced(window, replaced)

    @cached_property
    def traffic(self) -> Traffic:
        """What the stream has received and emitted so far."""
        return Traffic()

    def downloads(self, windows: Sequence[Window]) -> Iterator[Spool]:
        """Yield the responses for windows, as `fetch` does.

        If the token may not read the stream's first one, the stream is skipped.
        """
        try:
            for spool in self.fetch(windows):
                self._any_downloaded = True
                yield spool
        except ForbiddenError as error:
            self.skip(error, begun=self._any_downloaded)

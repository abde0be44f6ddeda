"""The base of every stream that is read by time: windows, spooled responses, records in order."""

from __future__ import annotations

import logging
from abc import abstractmethod
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from typing_extensions import override

from tap_dixa import retry
from tap_dixa.catalog import check_incremental_entry
from tap_dixa.client import DixaStream
from tap_dixa.download.prefetch import prefetch
from tap_dixa.download.spool import show
from tap_dixa.download.windows import MARGIN, split
from tap_dixa.errors import (
    DiskError,
    ForbiddenError,
    RetriesExhaustedError,
    UnusableRecordError,
)
from tap_dixa.output.fast_path import FastPathStream
from tap_dixa.output.normalize import compile_normalizer
from tap_dixa.output.normalize_raw import compile_raw_normalizer
from tap_dixa.progress import Progress, Traffic
from tap_dixa.timestamps import DAY, to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import Catalog

    from tap_dixa.download.spool import Spool
    from tap_dixa.download.windows import Window
    from tap_dixa.output.normalize import Normalizer
    from tap_dixa.output.normalize_raw import Encodable

_NOT_DECODABLE = (msgspec.DecodeError, OverflowError, RecursionError)
_REPLACED = "%s: %s: replaced %d invalid characters in texts with U+FFFD"
_UNWANTED = object()


class WindowedStream(FastPathStream, DixaStream):
    """A stream whose records Dixa filters by time.

    A subclass has a ``name``, ``path``, ``primary_keys`` and ``replication_key``, the schema
    file ``schemas/NAME.json``, and a `download` method.
    """

    cursor: ClassVar[str]
    """The field that records are ordered by and that Dixa filters by, such as ``updated_at``."""

    other_names: ClassVar[Mapping[str, str]] = {}
    """Fields that Dixa sends under a second name, and the schema's name for them."""

    @abstractmethod
    def download(self, window: Window) -> Spool:
        """Download a window, without retries.

        Raises:
            RetriableAPIError: A retry may succeed. So it may after an exception of requests.
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
        # Dixa omits fields, and a stream map can only name fields that are there.
        absent = dict.fromkeys(self.effective_schema["properties"]) if self.has_stream_map() else {}

        def to_record(text: bytes) -> Record:
            return {**absent, **self._normalize(msgspec.json.decode(text))}

        for record in self.read(context, to_record):
            if record is not None:
                yield record
            elif not self.config.get("batch_config"):
                # Everything so far was emitted. A batch's records are not until it is whole.
                self.write_state()

    @override
    def get_encodable_records(self, context: Context | None) -> Iterator[Encodable | None]:
        return self.read(context, compile_raw_normalizer(self.effective_schema, self._normalize))

    def read(
        self, context: Context | None, convert: Callable[[bytes], Encodable]
    ) -> Iterator[Encodable | None]:
        """Yield every record in order, and None at the end of each window.

        Args:
            context: What the SDK passes to `get_records`.
            convert: Makes what is yielded from a record's JSON.
        """
        windows = self.windows(context)
        progress = Progress(self.name, len(windows), self.log, self.traffic, self.tap.progress_bar)
        with closing(progress):
            for window, spool in self._spools(windows):
                progress.window_started(len(spool))
                yield from self.emit(window, spool, convert)
                yield None
                progress.window_done(window, len(spool), spool.size)
        progress.summary()

    def windows(self, context: Context | None) -> list[Window]:
        """Decide which windows this run reads.

        The run's upper bound, for all its streams, is a margin before its start: later changes
        belong to the next run, and no request filters by a time in the future.
        """
        settings = self.settings
        start = settings.start_date
        if (bookmark := self.get_starting_timestamp(context)) is not None:
            start = max(start, to_milliseconds(bookmark) - 1000 * settings.lookback_seconds)
        end = self.tap.initialized_at - MARGIN
        if settings.end_date is not None:
            end = min(end, settings.end_date)
        if self.ABORT_AT_RECORD_COUNT is not None:
            # --test wants to see a few records, and an export cannot be limited to a few.
            start = max(start, end - DAY)
        return split(start, end, settings.window_days)

    def fetch(self, window: Window, download: Callable[[Window], Spool] | None = None) -> Spool:
        """Download a window, with retries.

        Args:
            window: The window.
            download: What to retry instead of the stream's own `download`.

        Raises:
            RetriesExhaustedError: All attempts failed.
            RefusedError: Dixa refuses the request.
            UnusableRecordError: A record has no usable key or replication key.
            DiskError: The response could not be written.
        """
        try:
            return self.request_decorator(download or self.download)(window)  # type: ignore[no-any-return]
        except retry.RETRIABLE as error:
            raise RetriesExhaustedError(
                f"{self.name}: {window} could not be downloaded: {retry.describe(error)}"
            ) from error
        except (UnusableRecordError, DiskError) as error:
            raise type(error)(f"{self.name}: {window}: {error}") from None

    def emit(
        self,
        window: Window,
        spool: Spool,
        convert: Callable[[bytes], Any],
        wanted: Callable[[bytes], bool] | None = None,
    ) -> Iterator[Any]:
        """Yield a window's records, converted, and close its spool.

        Args:
            window: The window.
            spool: Its records.
            convert: Makes what is yielded from a record's JSON.
            wanted: Selects records by their JSON; without it, all are yielded.

        Raises:
            UnusableRecordError: A record cannot be decoded.
        """
        traffic = self.traffic
        with closing(spool):
            replaced = spool.replaced
            for text in spool:
                if not text.isascii():
                    try:
                        text.decode()
                    except UnicodeDecodeError:
                        text = text.decode(errors="replace").encode()  # noqa: PLW2901
                        replaced += 1
                try:
                    converted = convert(text) if wanted is None or wanted(text) else _UNWANTED
                except _NOT_DECODABLE as error:
                    raise UnusableRecordError(
                        f"{self.name}: {window}: a record cannot be decoded: {error}: {show(text)}"
                    ) from None
                traffic.emitted += 1
                if converted is not _UNWANTED:
                    yield converted
            if replaced:
                self.log(_REPLACED, self.name, window, replaced, level=logging.WARNING)

    @cached_property
    def traffic(self) -> Traffic:
        """What the stream has received and emitted so far."""
        return Traffic()

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        super().apply_catalog(catalog)
        entry = catalog.get_stream(self.name)
        if entry is None:
            return
        own_key: str = type(self).replication_key  # type: ignore[assignment] # a subclass has a text
        check_incremental_entry(
            entry, self.replication_key, self.forced_replication_method, own_key
        )
        self.replication_key = own_key
        for name in (*self.primary_keys, own_key):
            # Without them there is no bookmark and no upsert, whatever the catalog says.
            entry.metadata[("properties", name)].selected = True

    def _spools(self, windows: list[Window]) -> Iterator[tuple[Window, Spool]]:
        started = False
        try:
            for window, spool in prefetch(self.fetch, windows):
                started = True
                yield window, spool
        except ForbiddenError as error:
            if started:
                raise  # the rest would be missing without a trace
            self.skip(error)

    @cached_property
    def _normalize(self) -> Normalizer:
        return compile_normalizer(
            self.effective_schema, self.report_unknown_field, self.other_names
        )

"""The base of every stream that is read by time: windows, spooled responses, records in order."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections import deque
from contextlib import closing
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from typing_extensions import override

from tap_dixa import retry
from tap_dixa.cancellation import raise_if_cancelled
from tap_dixa.catalog import check_incremental_entry
from tap_dixa.client import DixaStream
from tap_dixa.download.json_array import repair_text
from tap_dixa.download.prefetch import prefetch
from tap_dixa.download.spool import show
from tap_dixa.download.window_download import WindowDownload
from tap_dixa.download.windows import LONGEST, MARGIN, Window, parts_of, split
from tap_dixa.errors import (
    DiskError,
    ForbiddenError,
    RetriesExhaustedError,
    UnusableRecordError,
)
from tap_dixa.output.fast_path import FastPathStream
from tap_dixa.output.normalize import Normalizer
from tap_dixa.output.normalize_raw import RawNormalizer
from tap_dixa.progress import Progress, Traffic
from tap_dixa.timestamps import DAY, to_milliseconds, to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import Catalog

    from tap_dixa.download.spool import Spool
    from tap_dixa.output.normalize_raw import Encodable

_NOT_DECODABLE = (msgspec.DecodeError, OverflowError, RecursionError)
_REPLACED = "%s: %s: replaced %d invalid characters in texts with U+FFFD"
_OUT_OF_PLACE = (
    "%s: %s: Dixa sent %d records from outside this window; they are emitted and do not move the "
    "bookmark"
)
_NO_SETTING = "window_days cannot be that small"
_DROPPED = object()
_NUL = rb"\u0000"

SHORTEST_PART = 3_600_000
"""The shortest part of a window that is requested, in ms: an hour."""


class WindowedStream(FastPathStream, DixaStream):
    """A stream whose records Dixa filters by time.

    A subclass has a ``name``, ``path``, ``primary_keys`` and ``replication_key``, the schema
    file ``schemas/NAME.json``, and a `download` method.
    """

    cursor: ClassVar[str]
    """The field that records are ordered by and that Dixa filters by, such as ``updated_at``."""

    other_names: ClassVar[Mapping[str, str]] = {}
    """Fields that Dixa sends under a second name, and the schema's name for them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._longest_part: int | None = None
        self._any_downloaded = False
        self._length_lock = Lock()

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
        return self.read(context, RawNormalizer(self.effective_schema, self._normalize))

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
        progress = Progress(self.name, len(windows), self.log, self.traffic, self.tap.progress_bar)
        with closing(progress):
            for window, found in self.downloads(windows):
                progress.window_started(len(found))
                yield from self.emit(found, convert)
                yield None
                progress.window_done(window, len(found), found.size)
        if not self.skipped:
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

    def fetch(
        self, window: Window, download: Callable[[Window], Spool] | None = None
    ) -> WindowDownload:
        """Download a window, with retries, in parts if Dixa cannot export it at once.

        A part that fails for a reason that less may resolve is halved, down to an hour. The
        length that worked is kept for the stream's other windows.

        Args:
            window: The window.
            download: What to call instead of the stream's own `download`.

        Raises:
            RetriesExhaustedError: All attempts failed.
            RefusedError: Dixa refuses the request.
            UnusableRecordError: A record has no usable key or replication key.
            DiskError: The response could not be written.
        """
        found = WindowDownload()
        parts = deque([window])
        try:
            while parts:
                part = self._fetch_part(parts, download or self.download, found)
                self._keep_length(part, shortened=part.length < window.length)
        except BaseException as error:
            found.close()
            if isinstance(error, retry.RETRIABLE):
                self.requests_session.unavailable = True
                raise RetriesExhaustedError(
                    f"{self.name}: {parts[0]} could not be downloaded: {retry.describe(error)}"
                ) from error
            if isinstance(error, UnusableRecordError | DiskError):
                raise type(error)(f"{self.name}: {parts[0]}: {error}") from None
            raise
        return found

    def _fetch_part(
        self, parts: deque[Window], download: Callable[[Window], Spool], found: WindowDownload
    ) -> Window:
        """Download the first of the parts, halving it while less may succeed; return it."""
        failures, halved = 0, False

        def is_permanent(error: Exception) -> bool:
            nonlocal failures, halved
            raise_if_cancelled()
            failures += 1
            before_less = 1 if halved else retry.attempts_before_less(error)
            if (
                retry.less_may_succeed(error)
                and failures >= min(before_less, self.max_attempts)
                and parts[0].length >= 2 * SHORTEST_PART
            ):
                _split_first(parts, -(-parts[0].length // 2))
                halved = True
                return False
            return failures >= self.max_attempts or not retry.may_succeed(error)

        def attempt(_: object) -> Window:
            if self._longest_part is not None and parts[0].length > self._longest_part:
                _split_first(parts, self._longest_part)
            part = parts[0]
            spool = download(part)
            found.add(part, spool)
            if self.tap.report is not None:
                self.tap.report.export(self, part, spool)
            parts.popleft()
            return part

        return self.retrying(is_permanent)(attempt)(_First(parts))  # type: ignore[no-any-return]

    def _keep_length(self, part: Window, *, shortened: bool) -> None:
        """Keep the length of a part that was shortened until it worked, and report it once."""
        with self._length_lock:
            if not shortened or part.length >= (self._longest_part or LONGEST):
                return
            self._longest_part = part.length
        days = part.length // DAY
        self.log(
            "%s: Dixa cannot export more than %.1f hours at once, so the tap requests windows in "
            "parts. %s",
            self.name,
            part.length / 3_600_000,
            f"Set window_days to {days} to do so from the start" if days else _NO_SETTING,
            level=logging.WARNING,
        )

    def emit(
        self,
        found: WindowDownload,
        convert: Callable[[bytes], Any],
        keep: Callable[[bytes], bool] | None = None,
    ) -> Iterator[Any]:
        """Yield a window's records, converted, and free its disk space.

        Args:
            found: The window.
            convert: Makes what is yielded from a record's JSON.
            keep: Selects records by their JSON; without it, all are yielded.

        Raises:
            UnusableRecordError: A record cannot be decoded.
        """
        with closing(found):
            for part, spool in found:
                yield from self._emit_part(part, spool, convert, keep)

    def _emit_part(
        self,
        part: Window,
        spool: Spool,
        convert: Callable[[bytes], Any],
        keep: Callable[[bytes], bool] | None,
    ) -> Iterator[Any]:
        traffic = self.traffic
        replaced = spool.replaced
        if spool.out_of_place:
            self.log(_OUT_OF_PLACE, self.name, part, spool.out_of_place, level=logging.WARNING)
        with closing(spool):
            for text in spool:
                if _NUL in text or not (text.isascii() or _is_utf8(text)):
                    text, places = repair_text(text)  # noqa: PLW2901
                    replaced += places
                try:
                    converted = convert(text) if keep is None or keep(text) else _DROPPED
                except _NOT_DECODABLE as error:
                    raise UnusableRecordError(
                        f"{self.name}: {part}: a record cannot be decoded: {error}: {show(text)}"
                    ) from None
                traffic.emitted += 1
                if converted is not _DROPPED:
                    yield converted
        if replaced:
            self.log(_REPLACED, self.name, part, replaced, level=logging.WARNING)

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

    def downloads(self, windows: list[Window]) -> Iterator[tuple[Window, WindowDownload]]:
        """Yield each window with its download, in order, some of them ahead.

        If the token may not read the stream's first one, the stream is skipped.
        """
        try:
            for window, found in prefetch(
                self.fetch, windows, ahead=self.settings.parallel_downloads
            ):
                self._any_downloaded = True
                yield window, found
        except ForbiddenError as error:
            if self._any_downloaded:
                raise  # the rest would be silently missing
            self.skip(error)

    @cached_property
    def _normalize(self) -> Normalizer:
        return Normalizer(self.effective_schema, self.report_unknown_field, self.other_names)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _split_first(parts: deque[Window], longest: int) -> None:
    parts.extendleft(reversed(parts_of(parts.popleft(), longest)))


class _First:
    """Names the window that is being downloaded, in a log line about a retry."""

    def __init__(self, parts: deque[Window]) -> None:
        self._parts = parts

    def __str__(self) -> str:
        return str(self._parts[0])

"""The way of a record that is asked for by time: windows, answers on disk, records in order."""

from __future__ import annotations

import logging
from abc import abstractmethod
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL
from typing_extensions import override

from tap_dixa import retries
from tap_dixa.ahead import one_ahead
from tap_dixa.bulk import BulkStream
from tap_dixa.client import DixaStream
from tap_dixa.drafts import compile_draft
from tap_dixa.errors import (
    DiskError,
    ForbiddenError,
    GaveUpError,
    SettingsError,
    UnusableRecordError,
)
from tap_dixa.progress import Flow, Progress
from tap_dixa.shapes import compile_shape
from tap_dixa.spool import show
from tap_dixa.timestamps import to_milliseconds
from tap_dixa.windows import DAY, MARGIN, split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import Catalog

    from tap_dixa.drafts import Draft
    from tap_dixa.shapes import Shape
    from tap_dixa.spool import Spool
    from tap_dixa.windows import Window

_UNREADABLE = (msgspec.DecodeError, OverflowError, RecursionError)
_MENDED = "%s: %s: %d places in texts were no characters and are now U+FFFD"
_UNWANTED = object()
_METHODS = (REPLICATION_INCREMENTAL, REPLICATION_FULL_TABLE)


class WindowedStream(BulkStream, DixaStream):
    """A stream whose records Dixa gives out by time.

    A subclass gives its ``name``, ``path``, ``primary_keys`` and ``replication_key``, the schema
    file ``schemas/NAME.json``, and says how to download a window.
    """

    cursor: ClassVar[str]
    """The field that the records are ordered by and that Dixa filters by, such as
    ``updated_at``."""

    other_names: ClassVar[Mapping[str, str]] = {}
    """Fields that Dixa sends under a second name, and the name they are given."""

    STATE_MSG_FREQUENCY = 100
    """How many records lie between two STATE messages at most. A run that is killed repeats
    no more than that; oftener would begin to cost time."""

    # The shape already conforms: a second walk over every record would change nothing.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    @property
    @override
    def is_sorted(self) -> bool:
        return True

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """Set no upper limit to the bookmark: in order, it never passes what was emitted."""

    @abstractmethod
    def download(self, window: Window) -> Spool:
        """Ask for a window, once.

        Raises:
            RetriableAPIError: Another try may succeed. So may one after requests' exceptions.
            RefusedError: Dixa refuses.
            UnusableRecordError: A record cannot be placed or identified.
        """

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Yield every record between the starting point and the run's upper bound, in order.

        Raises:
            RefusedError: Dixa refuses a request.
            GaveUpError: A request failed again and again.
            UnusableRecordError: A record has no usable cursor.
        """
        # Dixa leaves fields out, and a stream map can only name fields that are there.
        absent = {} if self._unmapped() else dict.fromkeys(self.effective_schema["properties"])
        for record in self._read(context, lambda text: self._shape(msgspec.json.decode(text))):
            if record is not None:
                yield {**absent, **record}
            elif not self.config.get("batch_config"):
                # Everything up to here has left. A batch's records have not, until it is whole.
                self._write_state_message()

    @override
    def get_drafts(self, context: Context | None) -> Iterator[Draft | None]:
        return self._read(context, compile_draft(self.effective_schema, self._shape))

    def _read(
        self, context: Context | None, convert: Callable[[bytes], Draft]
    ) -> Iterator[Draft | None]:
        """Yield every record in order, and None at the end of each window.

        Args:
            context: What the SDK passes to `get_records`.
            convert: Makes of a record's JSON what is to be yielded.
        """
        plan = self._plan(context)
        progress = Progress(self.name, len(plan), self.log, self.flow, self.tap.bar)
        with closing(progress):
            for window, spool in self._spools(plan):
                progress.window_begun(len(spool))
                yield from self._emit(window, spool, convert)
                yield None
                progress.window_done(window, len(spool), spool.size)
        progress.summary()

    @cached_property
    def flow(self) -> Flow:
        """What has moved so far."""
        return Flow()

    def _emit(
        self,
        window: Window,
        spool: Spool,
        convert: Callable[[bytes], Any],
        wanted: Callable[[bytes], bool] | None = None,
    ) -> Iterator[Any]:
        """Yield a window's records, converted, and close its spool.

        Raises:
            UnusableRecordError: One of them cannot be read.
        """
        flow = self.flow
        with closing(spool):
            mended = spool.mended
            for text in spool:
                if not text.isascii():
                    try:
                        text.decode()
                    except UnicodeDecodeError:
                        text = text.decode(errors="replace").encode()  # noqa: PLW2901
                        mended += 1
                try:
                    converted = convert(text) if wanted is None or wanted(text) else _UNWANTED
                except _UNREADABLE as error:
                    raise UnusableRecordError(
                        f"{self.name}: {window}: a record cannot be read: {error}: {show(text)}"
                    ) from None
                flow.emitted += 1
                if converted is not _UNWANTED:
                    yield converted
            if mended:
                self.log(_MENDED, self.name, window, mended, level=logging.WARNING)

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        super().apply_catalog(catalog)
        entry = catalog.get_stream(self.name)
        if entry is None:
            return
        own: str = vars(type(self))["replication_key"]
        if self.replication_key not in {None, own}:
            raise SettingsError(
                f"--catalog: {self.name} can only be replicated by {own}, "
                f"not by {self.replication_key}"
            )
        if self.forced_replication_method not in {None, *_METHODS}:
            raise SettingsError(
                f"--catalog: {self.name} can only be replicated {' or '.join(_METHODS)}, "
                f"not {self.forced_replication_method}"
            )
        self.replication_key = own
        field = self.effective_schema.get("properties", {}).get(own, {})
        if field.get("format") != "date-time":
            raise SettingsError(
                f"--catalog: {own} of {self.name} must stay a date-time in the schema"
            )
        for name in (*self.primary_keys, own):
            # Without them there is no bookmark and no upsert, whatever the catalog says.
            entry.metadata[("properties", name)].selected = True

    def _plan(self, context: Context | None) -> list[Window]:
        """Decide which windows this run asks for.

        A margin before the tap's own start is the newest that it asks for, in all its streams:
        what changes later belongs to the next run, and no export's filter points into the future.
        """
        settings = self.settings
        start = settings.start_date
        if (bookmark := self.get_starting_timestamp(context)) is not None:
            start = max(start, to_milliseconds(bookmark) - 1000 * settings.lookback_seconds)
        end = self.tap.initialized_at - MARGIN
        if settings.end_date is not None:
            end = min(end, settings.end_date)
        if self.ABORT_AT_RECORD_COUNT is not None:
            # A test wants to see a few records, and Dixa cannot be asked for a few.
            start = max(start, end - DAY)
        return split(start, end, settings.window_days)

    def _spools(self, plan: list[Window]) -> Iterator[tuple[Window, Spool]]:
        begun = False
        try:
            for window, spool in one_ahead(self._fetch, plan):
                begun = True
                yield window, spool
        except ForbiddenError as error:
            if begun:
                raise  # the rest would be missing without a trace
            self.leave_out(error)

    def _fetch(self, window: Window, download: Callable[[Window], Spool] | None = None) -> Spool:
        try:
            return self.request_decorator(download or self.download)(window)  # type: ignore[no-any-return]
        except retries.RETRIED as error:
            raise GaveUpError(
                f"{self.name}: {window} could not be read: {retries.describe(error)}"
            ) from error
        except (UnusableRecordError, DiskError) as error:
            raise type(error)(f"{self.name}: {window}: {error}") from None

    @cached_property
    def _shape(self) -> Shape:
        return compile_shape(self.effective_schema, self.report_unknown, self.other_names)

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        # The lookback's records are older than the bookmark. The SDK would take them for a
        # broken order; they must neither stop the run nor move the bookmark back.
        bookmark = self.get_context_state(context).get("replication_key_value")
        if bookmark is None or latest_record[str(self.replication_key)] >= bookmark:
            super()._increment_stream_state(latest_record, context=context)

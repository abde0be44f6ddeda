"""The base of ``analytics_records`` and ``intelligence_records``.

Dixa has several record types, which its catalogue lists by record id. Each is a partition of
the stream, with a bookmark of its own: a new type starts at start_date, and one that fails does
not keep the others from being synced.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, cast

import msgspec
from typing_extensions import override

from tap_dixa.errors import (
    STREAM_FAILURES,
    ForbiddenError,
    NotFoundError,
    RefusedError,
    UnusableRecordError,
)
from tap_dixa.output.json_numbers import storable
from tap_dixa.streams.dixa_api import DixaApiStream, as_array
from tap_dixa.streams.optional import OptionalStream
from tap_dixa.streams.record_rows import RecordWindow, RowSpool
from tap_dixa.streams.row_numbers import RowNumbers
from tap_dixa.streams.windowed import WindowedStream
from tap_dixa.timestamps import DAY, to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from singer_sdk.helpers.types import Context

    from tap_dixa.download.spool import Spool
    from tap_dixa.download.windows import Window
    from tap_dixa.output.compiled import Encodable
    from tap_dixa.retries import Retries
    from tap_dixa.streams.record_rows import Row

LARGEST_PAGE = 300
"""So many rows per page Dixa's own client requests at most; no page of Dixa's names a limit."""
_RECORD_ID = "recordId"
_SLACK = DAY
"""How far the bookmark stays behind what was read if no record is newer, in ms: how long it takes
until Dixa shows a record is not documented."""


class CatalogueStream(OptionalStream):
    """A catalogue of what an API has."""

    primary_keys = ("id",)
    selected_by_default = False


class RecordsStream(WindowedStream, DixaApiStream):
    """A stream of all record types that a catalogue lists.

    A subclass has a ``name``, a ``path``, the schema file ``schemas/NAME.json``, a `catalogue`,
    and the methods that its API differs in.
    """

    primary_keys = ("id",)
    replication_key = cursor = "timestamp"
    selected_by_default = False
    payload_as_json = True

    catalogue: ClassVar[type[CatalogueStream]]
    """The stream of the record types."""

    setting: ClassVar[str]
    """The setting that narrows the record types."""

    _numbers: RowNumbers
    """What has been emitted of the record type that is being read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.http_method = "POST"
        self._partitions: list[dict[str, str]] | None = None
        self._failed: dict[str, Exception] = {}
        self._tested: set[str] = set()
        """The record types that a connection test has read beside that of its record."""

    @abstractmethod
    def query(self, window: RecordWindow) -> dict[str, Any]:
        """Return what the requests for a window depend on: their context.

        Raises:
            RefusedError: It cannot be requested.
        """

    @abstractmethod
    def to_row(self, row: Any, window: RecordWindow) -> Row:
        """Make a record of a row, which is decoded JSON that can be stored."""

    @property
    def page_limit(self) -> int:
        """How many rows to request per page."""
        return min(self.settings.page_size or LARGEST_PAGE, LARGEST_PAGE)

    @cached_property
    def types(self) -> dict[str, dict[str, Any]]:
        """The catalogue's entries as Dixa sent them, by record id."""
        catalogue = self.another(self.catalogue)
        return {catalogue.id_of(row): row for row in catalogue.request_records(None)}

    @property
    @override
    def partitions(self) -> list[dict[str, str]] | None:
        # The SDK asks again when a sync has ended, and also when this is what made it fail.
        if self._partitions is None:
            self._partitions = []
            try:
                self._partitions = [{_RECORD_ID: record_id} for record_id in self._record_ids()]
            except (ForbiddenError, NotFoundError) as error:
                super().skip(error, begun=False)
        return self._partitions or None

    def _record_ids(self) -> list[str]:
        chosen: tuple[str, ...] | None = getattr(self.settings, self.setting)
        if chosen is None:
            return list(self.types)
        for record_id in chosen:
            if record_id not in self.types:
                self._failed[record_id] = RefusedError(
                    f"{self.setting} has an id that is not in Dixa's catalogue, which has "
                    f"{', '.join(self.types)}"
                )
        return [record_id for record_id in chosen if record_id in self.types]

    @override
    def windows(self, context: Context | None) -> list[Window]:
        record_id = (context or {})[_RECORD_ID]
        windows = super().windows(context)
        return [RecordWindow(window.start, window.end, record_id=record_id) for window in windows]

    @override
    def read(
        self, context: Context | None, convert: Callable[[bytes], Encodable]
    ) -> Iterator[Encodable | None]:
        partitions = self.partitions or []
        if context is not None and context[_RECORD_ID] not in self._tested:
            others: list[dict[str, str]] = []
            if self.run.is_test:
                others = partitions[partitions.index(dict(context)) + 1 :]
            self._numbers = RowNumbers()
            try:
                with closing(self._numbers):
                    for record in super().read(context, convert):
                        if others and record is not None:
                            self._show_others(others)
                            others = []
                            if self._failed:
                                partitions = []
                                break
                        yield record
            except STREAM_FAILURES as error:
                self._fail(context[_RECORD_ID], error)
        if self._failed and (not partitions or context == partitions[-1]):
            self._raise()

    def _show_others(self, partitions: list[dict[str, str]]) -> None:
        """Show the report of a connection test the rows after its only record, once."""
        for partition in partitions:
            self._tested.add(partition[_RECORD_ID])
            try:
                for spool in self.fetch(self.windows(partition)):
                    spool.close()
            except STREAM_FAILURES as error:
                self._fail(partition[_RECORD_ID], error)

    def _fail(self, record_id: str, error: Exception) -> None:
        self._failed[record_id] = error
        self.log(
            "%s: record type %s failed; continuing with the others",
            self.name,
            record_id,
            level=logging.WARNING,
        )

    def _raise(self) -> None:
        """End the stream with an error, because some of its record types failed.

        Raises:
            FatalSyncError: It names each of them. It is of the class of the first one's error.
        """
        errors = list(self._failed.values())
        refusals = [error for error in errors if isinstance(error, ForbiddenError)]
        if not self._any_downloaded and refusals == errors:
            super().skip(refusals[0], begun=False)
            return
        which = "all record types failed"
        if {partition[_RECORD_ID] for partition in self.partitions or ()} - self._failed.keys():
            which = "these record types failed, the others were synced"
        reasons = "; ".join(f"{record_id}: {reason}" for record_id, reason in self._failed.items())
        raise type(errors[0])(f"{self.name}: {which}: {reasons}") from errors[0]

    @override
    def skip(self, error: RefusedError, *, begun: bool) -> None:
        # One record type that the token may not read says nothing of the others.
        raise error

    @override
    def downloads(self, windows: Sequence[Window]) -> Iterator[Spool]:
        for spool in super().downloads(windows):
            yield spool
            # Otherwise a record type without rows is read from the start in every run.
            context = {_RECORD_ID: cast("RecordWindow", spool.window).record_id}
            self.advance_bookmark(to_rfc3339(spool.window.end - _SLACK), context)

    @override
    def download(self, window: Window, retries: Retries) -> RowSpool:
        rows = self._rows(cast("RecordWindow", window), retries)
        return RowSpool(self.traffic.count(as_array(rows)), window, self._numbers)

    def _rows(self, window: RecordWindow, retries: Retries) -> Iterator[bytes]:
        for row in self.request_rows(self.query(window), retries):
            self.run.report.row(self, window.record_id, row)
            try:
                encoded = msgspec.json.encode(self.to_row(storable(row), window))
            except RecursionError:
                raise UnusableRecordError("Dixa sent a row that is nested too deeply") from None
            yield encoded

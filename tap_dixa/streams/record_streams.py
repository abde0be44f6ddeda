"""The base of the streams of records of the Analytics and the Intelligence API.

Dixa has several record types, which its catalogue lists by record id. Each is a partition of
the stream, with a bookmark of its own: a new kind starts at start_date, and one that fails does
not keep the others from being synced.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, cast

from typing_extensions import override

from tap_dixa.download.windows import Window
from tap_dixa.errors import STREAM_FAILURES, ForbiddenError, NotFoundError, RefusedError
from tap_dixa.streams.dixa_api import DixaApiStream, as_array
from tap_dixa.streams.optional import OptionalStream
from tap_dixa.streams.record_rows import RowSpool
from tap_dixa.streams.windowed import WindowedStream
from tap_dixa.timestamps import DAY, to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from urllib.parse import ParseResult

    from singer_sdk.helpers.types import Context

    from tap_dixa.output.compiled import Encodable
    from tap_dixa.retries import Retries

LARGEST_PAGE = 300
"""So many rows per page Dixa's own client requests at most; no page of Dixa's names a limit."""
_RECORD_ID = "recordId"
_SLACK = DAY
"""How far the bookmark stays behind what was read if no record is newer, in ms: how long it takes
until Dixa shows a record is not documented."""


@dataclass(frozen=True, slots=True)
class RecordWindow(Window):
    """A window of one record type."""

    record_id: str

    def __str__(self) -> str:
        return f"{self.record_id}, {Window.__str__(self)}"


class RecordTypesStream(OptionalStream):
    """A catalogue of record types."""

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

    catalogue: ClassVar[type[RecordTypesStream]]
    """The stream of the record types."""

    setting: ClassVar[str]
    """The setting that narrows the record types."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.http_method = "POST"
        self._partitions: list[dict[str, str]] | None = None
        self._failed: dict[str, Exception] = {}
        self._tested: set[str] = set()
        """The record types that a connection test has read beside that of its record."""

    @abstractmethod
    def to_json(self, row: Any, window: RecordWindow) -> bytes:
        """Write a row as a record, for a `RowSpool`.

        Args:
            row: The row, as Dixa sent it.
            window: What it was requested for.

        Raises:
            UnusableRecordError: It has no usable time.
        """

    @property
    def page_limit(self) -> int:
        """How many rows to request per page."""
        return min(self.settings.page_size or LARGEST_PAGE, LARGEST_PAGE)

    @cached_property
    def types(self) -> dict[str, dict[str, Any]]:
        """The catalogue's entries, by record id."""
        other = self.another(self.catalogue)
        # The tap's own stream of them warns of new fields once, and says whether they arrive.
        catalogue = cast("RecordTypesStream", self.tap.streams[other.name])
        entries = [catalogue.to_record(row, None) for row in other.request_records(None)]
        return {entry["id"]: entry for entry in entries}

    @property
    @override
    def partitions(self) -> list[dict[str, str]] | None:
        # The SDK asks again when a sync has ended, and also when this is what made it fail.
        if self._partitions is None:
            self._partitions = []
            try:
                self._partitions = [{_RECORD_ID: one} for one in self._record_ids()]
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
        windows = super().windows(context)
        record_id = (context or {})[_RECORD_ID]
        return [RecordWindow(window.start, window.end, record_id) for window in windows]

    @override
    def read(
        self, context: Context | None, convert: Callable[[bytes], Encodable]
    ) -> Iterator[Encodable | None]:
        partitions = self.partitions or []
        if context is not None and context[_RECORD_ID] not in self._tested:
            others: list[dict[str, str]] = []
            if self.ABORT_AT_RECORD_COUNT is not None:
                others = partitions[partitions.index(dict(context)) + 1 :]
            try:
                for record in super().read(context, convert):
                    if others and record is not None:
                        self._show_others(others)
                        others = []
                        if self._failed:
                            partitions = []
                            break
                    yield record
                    if record is None:
                        # Otherwise a kind without records is read from the start in every run.
                        self.advance_bookmark(to_rfc3339(self.read_until - _SLACK), context)
            except STREAM_FAILURES as error:
                self._fail(context[_RECORD_ID], error)
        if self._failed and (not partitions or context == partitions[-1]):
            self._raise()

    def _show_others(self, partitions: list[dict[str, str]]) -> None:
        """Show the report of a connection test what follows its only record, once."""
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
        """End the stream with an error, if some of its records failed.

        Raises:
            FatalSyncError: It names each of them. It is of the class of the first one's error.
        """
        error = next(iter(self._failed.values()))
        if not self._any_downloaded and isinstance(error, ForbiddenError):
            super().skip(error, begun=False)
            return
        reasons = "; ".join(f"{one}: {reason}" for one, reason in self._failed.items())
        message = f"{self.name}: these record types failed, the others were synced: {reasons}"
        raise type(error)(message) from error

    @override
    def skip(self, error: RefusedError, *, begun: bool) -> None:
        # One record type that the token may not read says nothing of the others.
        raise error

    @override
    def download(self, window: Window, retries: Retries) -> RowSpool:
        own = cast("RecordWindow", window)
        rows = self.request_rows(self.query(own), retries)
        records = (self.to_json(row, own) for row in self._shown(rows, own.record_id))
        return RowSpool(self.traffic.count(as_array(records)), window)

    def _shown(self, rows: Any, record_id: str) -> Iterator[Any]:
        for row in rows:
            if self.tap.report is not None:
                self.tap.report.row(self, record_id, row)
            yield row

    @abstractmethod
    def query(self, window: RecordWindow) -> dict[str, Any]:
        """Return what a request for a window depends on: the context of its pages."""

    @override
    def get_url_params(
        self, context: Context | None, next_page_token: ParseResult | None
    ) -> dict[str, Any]:
        query = super().get_url_params(context, next_page_token)
        return {"pageLimit": str(self.page_limit), **query}

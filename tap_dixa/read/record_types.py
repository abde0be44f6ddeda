"""Read the records of all record types of the Analytics or the Intelligence API.

Each record type is a partition of the stream, with a bookmark of its own: a new type starts at
start_date, and one that fails does not keep the others from being synced.
"""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol, cast

import msgspec

from tap_dixa.errors import STREAM_FAILURES, ForbiddenError, RefusedError, UnusableRecordError
from tap_dixa.read.batches import Batch, Done
from tap_dixa.read.lists import as_array
from tap_dixa.read.record_rows import RecordWindow, RowSpool
from tap_dixa.read.row_numbers import RowNumbers
from tap_dixa.read.window_reader import WindowReader
from tap_dixa.records.json_numbers import storable
from tap_dixa.timestamps import DAY, to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from tap_dixa.download.spool import Spool
    from tap_dixa.download.windows import Window
    from tap_dixa.http.client import Client
    from tap_dixa.http.retries import Retries
    from tap_dixa.read.lists import ListSource
    from tap_dixa.read.record_rows import Row

RECORD_ID = "recordId"
"""The name of a partition's key."""
_SLACK = DAY
"""How far the bookmark stays behind what was read if no record is newer, in ms: how long it takes
until Dixa shows a record is not documented."""


class RecordSource(Protocol):
    """Requests the rows of a window of a record type."""

    client: Client
    types: Mapping[str, Mapping[str, Any]]
    """The entries of Dixa's catalogue of record types, by record id. To be set before `rows`."""

    def rows(self, window: RecordWindow, retries: Retries) -> Iterator[Any]:
        """Request the rows of a window, with retries: see `ListSource.rows_with`."""

    def record(self, row: Any, window: RecordWindow) -> Row:
        """Make a record of a row, which is decoded JSON that can be stored."""


class Chosen(NamedTuple):
    """The record types that a setting chooses."""

    setting: str
    record_ids: Sequence[str] | None
    """None for all."""


class RecordTypesReader:
    """Reads the records of all record types, one type after the other.

    Args:
        source: Requests the rows.
        catalogue: Requests the record types.
        chosen: Which of them to read.
        windows_of: Returns what the run reads of a partition.
        is_test: Whether the first records of each type are enough.
    """

    is_whole = False

    def __init__(
        self,
        source: RecordSource,
        catalogue: ListSource,
        chosen: Chosen,
        windows_of: Callable[[Mapping[str, str]], Sequence[Window]],
        *,
        is_test: bool,
    ) -> None:
        self._client = source.client
        self._source = source
        self._catalogue = catalogue
        self._chosen = chosen
        self._windows_of = windows_of
        self._is_test = is_test
        self._failed: dict[str, Exception] = {}
        self._reader = _RecordReader(source.client, self._download)

    @property
    def begun(self) -> bool:
        """Whether Dixa has sent a window."""
        return self._reader.begun

    def batches(self) -> Iterator[Batch]:
        """Yield the records of all types.

        Raises:
            ForbiddenError: The token may read none of them.
            NotFoundError: Dixa has no record types.
            FatalSyncError: Some types failed. It names each of them.
        """
        tested: list[Batch] = []
        record_ids = self._record_ids()
        for record_id in record_ids:
            try:
                if self._is_test:
                    # No state follows, so nothing has to be emitted before the next type is read.
                    with closing(self._of(record_id)) as batches:
                        tested += islice(batches, 1)
                else:
                    yield from self._of(record_id)
            except STREAM_FAILURES as error:
                self._failed[record_id] = error
                failed = "%s: record type %s failed; continuing with the others"
                self._client.warn(failed, self._client.stream, record_id)
        if self._failed:
            self._raise(record_ids)
        yield from tested

    def _record_ids(self) -> list[str]:
        types = {str(record_id): row for record_id, row in self._catalogue.rows_by_id().items()}
        self._source.types = types
        setting, chosen = self._chosen
        if chosen is None:
            return list(types)
        for record_id in chosen:
            if record_id not in types:
                self._failed[record_id] = RefusedError(
                    f"{setting} has an id that is not in Dixa's catalogue, which has "
                    f"{', '.join(types)}"
                )
        return [record_id for record_id in dict.fromkeys(chosen) if record_id in types]

    def _of(self, record_id: str) -> Generator[Batch, None, None]:
        """Yield the records of a type."""
        context = {RECORD_ID: record_id}
        windows = [
            RecordWindow(window.start, window.end, record_id=record_id)
            for window in self._windows_of(context)
        ]
        yield from self._reader.batches(windows, context)

    def _download(self, window: Window, retries: Retries) -> RowSpool:
        rows = self._rows(cast("RecordWindow", window), retries)
        return RowSpool(self._client.traffic.count(as_array(rows)), window)

    def _rows(self, window: RecordWindow, retries: Retries) -> Iterator[bytes]:
        for row in self._source.rows(window, retries):
            self._client.run.report.row(self._client, window.record_id, row)
            try:
                encoded = msgspec.json.encode(self._source.record(storable(row), window))
            except RecursionError:
                raise UnusableRecordError("Dixa sent a row that is nested too deeply") from None
            yield encoded

    def _raise(self, record_ids: Sequence[str]) -> NoReturn:
        """End with an error, because some of the record types failed."""
        errors = list(self._failed.values())
        if not self.begun and all(isinstance(error, ForbiddenError) for error in errors):
            raise errors[0]
        which = "all record types failed"
        if set(record_ids) - self._failed.keys():
            which = "these record types failed, the others were synced"
        reasons = "; ".join(f"{record_id}: {reason}" for record_id, reason in self._failed.items())
        # Those that Dixa refuses are no reason to skip the others.
        kind = RefusedError if isinstance(errors[0], RefusedError) else type(errors[0])
        raise kind(f"{self._client.stream}: {which}: {reasons}") from errors[0]


class _RecordReader(WindowReader):
    """Reads windows of record types. The bookmark follows the window if nothing is newer."""

    def batches(
        self, windows: Sequence[Window], context: Mapping[str, str] | None = None
    ) -> Iterator[Batch]:
        """Yield the records of windows, as `WindowReader` does."""
        for batch in super().batches(windows, context):
            if not batch.done.is_worth_a_message:
                yield batch
                continue
            # Otherwise a record type without rows is read from the start in every run.
            read = to_rfc3339(cast("Window", batch.origin).end - _SLACK)
            yield Batch([], batch.origin, Done(read, context, is_worth_a_message=True))

    def spools(self, windows: Sequence[Window]) -> Iterator[Spool]:
        """Download windows, as `WindowReader` does."""
        with closing(RowNumbers()) as numbers:
            for spool in super().spools(windows):
                cast("RowSpool", spool).numbers = numbers
                yield spool

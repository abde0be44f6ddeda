"""Read the records of all record types of the Analytics or the Intelligence API.

Each record type is a partition of the stream, with a bookmark of its own: a new type starts at
start_date, and one that fails does not keep the others from being synced.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn, cast

import msgspec

from tap_dixa.errors import STREAM_FAILURES, ForbiddenError, RefusedError, UnusableRecordError
from tap_dixa.read.lists import as_array
from tap_dixa.read.record_rows import RecordWindow, RowSpool
from tap_dixa.read.row_numbers import RowNumbers
from tap_dixa.read.window_reader import WindowReader
from tap_dixa.records.json_numbers import storable
from tap_dixa.timestamps import DAY, to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence

    from tap_dixa.download.windows import Window
    from tap_dixa.http.retries import Retries
    from tap_dixa.read.analytics import AnalyticsSource, IntelligenceSource
    from tap_dixa.read.batches import Batch
    from tap_dixa.read.lists import ListSource

_RECORD_ID = "recordId"
"""The name of a partition's key."""
_SLACK = DAY
"""How far the bookmark stays behind what was read if no record is newer, in ms: how long it takes
until Dixa shows a record is not documented."""


class RecordTypesReader:
    """Reads the records of all record types, one type after the other.

    Args:
        source: Requests the rows.
        catalogue: Requests the record types.
        setting: The name of the setting that chooses some of them, by id.
        windows_of: Returns what the run reads of a partition.
        is_test: Whether the first records of each type are enough.
    """

    def __init__(
        self,
        source: AnalyticsSource | IntelligenceSource,
        catalogue: ListSource,
        setting: str,
        windows_of: Callable[[Mapping[str, str]], Sequence[Window]],
        *,
        is_test: bool,
    ) -> None:
        self._client = source.client
        self._source = source
        self._catalogue = catalogue
        self._setting = setting
        self._windows_of = windows_of
        self._is_test = is_test
        self._failed: dict[str, Exception] = {}
        self._numbers = RowNumbers()
        self._reader = WindowReader(source.client, self._download)

    @property
    def begun(self) -> bool:
        """Whether Dixa has sent a window."""
        return self._reader.begun

    def batches(self) -> Iterator[Batch]:
        """Yield the records of all types. An error names each type that failed.

        It is a ForbiddenError if the token may read none of them, and a NotFoundError if Dixa has
        no record types.
        """
        tested: list[Batch] = []
        types = self._types()
        with closing(self._numbers):
            for record_id, entry in types.items():
                batches = self._of(record_id, entry)
                try:
                    if self._is_test:
                        # No state follows: nothing has to be emitted before the next type is read.
                        with closing(batches):
                            tested += islice(batches, 1)
                    else:
                        yield from batches
                except STREAM_FAILURES as error:
                    self._failed[record_id] = error
                    failed = "%s: record type %s failed; continuing with the others"
                    self._client.warn(failed, self._client.stream, record_id)
        if self._failed:
            self._raise(types)
        yield from tested

    def _types(self) -> dict[str, Any]:
        """Request the catalogue, and return the chosen entries, by record id."""
        types = {str(record_id): row for record_id, row in self._catalogue.rows_by_id().items()}
        chosen = getattr(self._client.run.settings, self._setting)
        if chosen is None:
            return types
        for record_id in chosen:
            if record_id not in types:
                self._failed[record_id] = RefusedError(
                    f"{self._setting} has an id that is not in Dixa's catalogue, which has "
                    f"{', '.join(types)}"
                )
        return {record_id: types[record_id] for record_id in chosen if record_id in types}

    def _of(self, record_id: str, entry: Mapping[str, Any]) -> Generator[Batch, None, None]:
        """Yield the records of a type. The bookmark follows the windows if nothing is newer."""
        context = {_RECORD_ID: record_id}
        windows = [
            RecordWindow(window.start, window.end, record_id=record_id, entry=entry)
            for window in self._windows_of(context)
        ]
        for batch in self._reader.batches(windows, context):
            done = batch.done
            if done.is_worth_a_message:
                # Otherwise a record type without rows is read from the start in every run.
                read = to_rfc3339(cast("Window", batch.origin).end - _SLACK)
                done = replace(done, bookmark=read)
            yield replace(batch, done=done)

    def _download(self, window: Window, retries: Retries) -> RowSpool:
        rows = self._rows(cast("RecordWindow", window), retries)
        return RowSpool(as_array(rows), window, self._numbers)

    def _rows(self, window: RecordWindow, retries: Retries) -> Iterator[bytes]:
        for row in self._source.rows(window, retries):
            self._client.run.report.row(self._client.stream, window.record_id, row)
            try:
                encoded = msgspec.json.encode(self._source.record(storable(row), window))
            except RecursionError:
                raise UnusableRecordError("Dixa sent a row that is nested too deeply") from None
            yield encoded

    def _raise(self, record_ids: Collection[str]) -> NoReturn:
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

"""Read the records of all record types of the Analytics or the Intelligence API.

Each record type is a partition of the stream, with a bookmark of its own: a new type starts at
start_date, and one that fails does not keep the others from being synced.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, ClassVar, Protocol, cast

import msgspec

from tap_dixa.download.windows import Window
from tap_dixa.errors import (
    STREAM_FAILURES,
    ForbiddenError,
    RefusedError,
    TooMuchError,
    UnusableRecordError,
)
from tap_dixa.http.client import Client, Request
from tap_dixa.http.retries import Retries
from tap_dixa.read.batches import Batch
from tap_dixa.read.lists import ListSource, as_array
from tap_dixa.read.record_rows import Row, RowNumbers, RowSpool
from tap_dixa.read.window_reader import WindowReader
from tap_dixa.records.json_numbers import storable
from tap_dixa.timestamps import DAY, to_rfc3339

_FILTER = "initial_direction"
"""A filter attribute that every row has a value of, so that all values together select all rows."""
_SLACK = DAY
"""How far the bookmark stays behind what was read if no record is newer, in ms: how long it takes
until Dixa shows a record is not documented."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordWindow(Window):
    """A window of a record type."""

    record_id: str
    entry: Mapping[str, Any] = field(compare=False)
    """The entry of Dixa's catalogue of record types."""

    def __str__(self) -> str:
        return f"{self.record_id}, {Window.__str__(self)}"


class _Filter(msgspec.Struct, rename="camel"):
    filter_attribute: str


class _FilterValue(msgspec.Struct):
    value: str


class RecordStream(Protocol):
    """What one of the two APIs differs in: the declaration of its stream."""

    path: ClassVar[str]
    setting: ClassVar[str]
    """The setting that names the record types that are read."""
    is_documented: ClassVar[bool]
    """Whether Dixa documents the rows."""

    def request(self, window: RecordWindow, filters: Sequence[Mapping[str, Any]] | None) -> Request:
        """Make the request for the first page of a window's rows."""

    def row(self, row: Any, window: RecordWindow) -> Row:
        """Make a record of a row, which is decoded JSON that can be stored."""

    def windows(self, context: Mapping[str, str]) -> list[Window]:
        """Decide which windows this run reads of a record type."""


class RecordTypesReader:
    """Reads the records of all record types, one type after the other.

    Args:
        stream: What it reads.
        client: Sends the requests.
        catalogue: Requests the record types.
        is_test: Whether the first records of each type are enough.
    """

    def __init__(
        self, stream: RecordStream, client: Client, catalogue: ListSource, *, is_test: bool
    ) -> None:
        self._stream = stream
        self._client = client
        self._catalogue = catalogue
        self._is_test = is_test
        self._list = ListSource(client, Request(stream.path))
        self._filters: dict[str, list[dict[str, Any]]] = {}
        self._not_as_documented: set[str] = set()
        self._numbers = RowNumbers()
        self._reader = WindowReader(client, self._download)

    @property
    def begun(self) -> bool:
        """Whether Dixa has sent a window."""
        return self._reader.begun

    def batches(self) -> Iterator[Batch]:
        """Yield the records of all types. An error names each type that failed.

        It is a ForbiddenError if the token may read none of them, and a NotFoundError if Dixa has
        no record types.
        """
        entries = self._catalogue.rows_by_id()
        types = {str(record_id): entry for record_id, entry in entries.items()}
        chosen = getattr(self._client.run.settings, self._stream.setting)
        read = dict.fromkeys(types if chosen is None else chosen)
        failed: dict[str, Exception] = {}
        tested: list[Batch] = []
        with closing(self._numbers):
            for record_id in read:
                batches = self._of(record_id, types)
                try:
                    if self._is_test:
                        # No state follows: nothing has to be emitted before the next type is read.
                        with closing(batches):
                            tested += islice(batches, 1)
                    else:
                        yield from batches
                except STREAM_FAILURES as error:
                    failed[record_id] = error
                    warning = "%s: record type %s failed; continuing with the others"
                    self._client.warn(warning, self._client.stream, record_id)
        if failed:
            errors = list(failed.values())
            if not self.begun and all(isinstance(error, ForbiddenError) for error in errors):
                raise errors[0]
            which = "these record types failed, the others were synced"
            if failed.keys() == read.keys():
                which = "all record types failed"
            reasons = "; ".join(f"{record_id}: {reason}" for record_id, reason in failed.items())
            # Those that Dixa refuses are no reason to skip the others.
            kind = RefusedError if isinstance(errors[0], RefusedError) else type(errors[0])
            raise kind(f"{self._client.stream}: {which}: {reasons}") from errors[0]
        yield from tested

    def _of(self, record_id: str, types: Mapping[str, Any]) -> Generator[Batch, None, None]:
        """Yield the records of a type. The bookmark follows the windows if nothing is newer."""
        if record_id not in types:
            raise RefusedError(
                f"{self._stream.setting} has an id that is not in Dixa's catalogue, which has "
                f"{', '.join(types)}"
            )
        context = {"recordId": record_id}
        windows = [
            RecordWindow(window.start, window.end, record_id=record_id, entry=types[record_id])
            for window in self._stream.windows(context)
        ]
        for batch in self._reader.batches(windows, context):
            done = batch.done
            if done.is_worth_a_message:
                # Otherwise a record type without rows is read from the start in every run.
                read = to_rfc3339(cast("Window", batch.origin).end - _SLACK)
                done = replace(done, bookmark=read)
            yield replace(batch, done=done)

    def _download(self, window: Window, retries: Retries) -> RowSpool:
        window = cast("RecordWindow", window)
        filters = self._filters.get(window.record_id)
        try:
            return self._spool(window, filters, retries)
        except TooMuchError:
            # Dixa's description has filters as optional; its own client says there must be one.
            if filters is None:
                filters = self._filters[window.record_id] = self._all_values(window.entry)
                if filters:
                    return self._spool(window, filters, retries)
            raise

    def _all_values(self, entry: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Make a filter of all values of an attribute, if the record type has it."""
        request = Request("/v1/analytics/filter/{attribute}", ids={"attribute": _FILTER})
        try:
            if _Filter(_FILTER) not in msgspec.convert(entry.get("filters"), list[_Filter]):
                return []
            rows = list(ListSource(self._client, request).rows())
            values = [row.value for row in msgspec.convert(rows, list[_FilterValue])]
        except (msgspec.ValidationError, RefusedError):
            return []
        filtered = "%s: Dixa requires a filter: sending all values of %s"
        self._client.log(filtered, self._client.stream, _FILTER)
        return [{"attribute": _FILTER, "values": values}] if values else []

    def _spool(
        self, window: RecordWindow, filters: list[dict[str, Any]] | None, retries: Retries
    ) -> RowSpool:
        rows = self._list.rows_with(retries, self._stream.request(window, filters))
        body = as_array(self._record(row, window) for row in rows)
        return RowSpool(body, window, self._numbers)

    def _record(self, row: Any, window: RecordWindow) -> bytes:
        """Make the JSON of a record. If Dixa documents another shape of the row, warn once."""
        self._client.run.report.row(self._client.stream, window.record_id, row)
        try:
            record = self._stream.row(storable(row), window)
            encoded = msgspec.json.encode(record)
        except RecursionError:
            raise UnusableRecordError("Dixa sent a row that is nested too deeply") from None
        is_odd = record.is_undocumented and self._stream.is_documented
        if is_odd and window.record_id not in self._not_as_documented:
            self._not_as_documented.add(window.record_id)
            self._client.warn(
                "%s: %s: Dixa sent a row that is not as documented; such rows are kept whole, in "
                "fields",
                self._client.stream,
                window,
            )
        return encoded

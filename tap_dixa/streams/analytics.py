"""The streams of the Analytics API: records of several kinds, and what kinds and metrics exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_dixa.download.spool import show
from tap_dixa.errors import RefusedError, TooMuchError, UnusableRecordError
from tap_dixa.streams.dixa_api import DixaApiStream
from tap_dixa.streams.optional import OptionalStream
from tap_dixa.streams.record_rows import (
    OWN_NAMES,
    Time,
    cells_of,
    identity,
    join_columns,
    to_json,
)
from tap_dixa.streams.record_streams import RecordsStream, RecordTypesStream, RecordWindow
from tap_dixa.timestamps import to_rfc3339

if TYPE_CHECKING:
    from urllib.parse import ParseResult

    from singer_sdk.helpers.types import Context

    from tap_dixa.download.windows import Window
    from tap_dixa.retries import Retries
    from tap_dixa.streams.record_rows import RowSpool

_FILTERS = ("initial_direction", "channel", "initial_channel")
"""Filter attributes that every row has a value of, so that all values together select all rows."""
_TIME, _FIELDS = "primaryTimestampField", "fields"


class AnalyticsMetricsStream(OptionalStream):
    """What metrics the Analytics API has."""

    name = "analytics_metrics"
    path = "/v1/analytics/metrics"
    primary_keys = ("id",)
    selected_by_default = False


class AnalyticsRecordTypesStream(RecordTypesStream):
    """The record types of the Analytics API."""

    name = "analytics_record_types"
    path = "/v1/analytics/records"


class FilterValues(DixaApiStream):
    """Reads the values that a filter can have. Not a stream of its own."""

    name = "analytics_records"
    path = "/v1/analytics/filter/{attribute}"
    primary_keys = ("value",)


class AnalyticsRecordsStream(RecordsStream):
    """Records of all kinds that the Analytics API has, each at its primary timestamp."""

    name = "analytics_records"
    path = "/v1/analytics/records"
    catalogue = AnalyticsRecordTypesStream
    setting = "analytics_record_ids"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._filters: dict[str, list[dict[str, Any]]] = {}

    @override
    def download(self, window: Window, retries: Retries) -> RowSpool:
        try:
            return super().download(window, retries)
        except TooMuchError:
            # Dixa's description has filters as optional; its own client says there must be one.
            if not self._filter_all(getattr(window, "record_id", "")):
                raise
        return super().download(window, retries)

    def _filter_all(self, record_id: str) -> bool:
        """Filter by all values of an attribute from now on; return whether that is new."""
        if record_id in self._filters:
            return False
        filters = self.types[record_id].get("filters") or ()
        attributes = {filter_.get("filterAttribute") for filter_ in filters}
        attribute = next((one for one in _FILTERS if one in attributes), None)
        self._filters[record_id] = []
        if attribute is None:
            return False
        try:
            rows = list(self.another(FilterValues).request_records({"attribute": attribute}))
        except RefusedError:
            return False
        values = [row["value"] for row in rows if isinstance(row, dict) and row.get("value")]
        if values:
            self._filters[record_id] = [{"attribute": attribute, "values": values}]
            self.log("%s: Dixa requires a filter: sending all values of %s", self.name, attribute)
        return bool(values)

    @override
    def query(self, window: RecordWindow) -> dict[str, Any]:
        return {
            "recordId": window.record_id,
            "start": to_rfc3339(window.after),
            "end": to_rfc3339(window.before),
        }

    @override
    def prepare_request_payload(
        self, context: Context | None, next_page_token: ParseResult | None
    ) -> dict[str, Any]:
        query = context or {}
        body = {
            "id": query["recordId"],
            "timezone": "UTC",
            "periodFilter": {"_type": "Interval", "start": query["start"], "end": query["end"]},
        }
        filters = self._filters.get(query["recordId"])
        return {**body, "filters": filters} if filters else body

    @override
    def to_json(self, row: Any, window: RecordWindow) -> bytes:
        try:
            time = Time.parse(str(row[_TIME].get("name")), row[_TIME]["timestamp"])
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            raise UnusableRecordError(
                f"Dixa sent a record without a usable {_TIME}: {show(repr(row).encode())}"
            ) from None
        others = {name: part for name, part in row.items() if name not in {_TIME, _FIELDS}}
        taken = {name: others.pop(name) for name in sorted(OWN_NAMES & others.keys())}
        cells = cells_of({_FIELDS: row.get(_FIELDS) or [], **taken})
        record = {
            **others,
            "recordId": window.record_id,
            "timestamp": to_rfc3339(time.milliseconds),
            "timestampField": time.name,
            **join_columns(cells),
            _FIELDS: cells,
        }
        return to_json(record, time.milliseconds, identity(window.record_id, time, cells))

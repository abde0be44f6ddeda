"""The streams of the Analytics and the Intelligence API. The latter is a beta, which may change."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from singer_sdk.helpers.types import Context
from typing_extensions import override

from tap_dixa.errors import RefusedError
from tap_dixa.http.client import Request
from tap_dixa.read.batches import Reader
from tap_dixa.read.record_rows import Row, analytics_row, whole_row
from tap_dixa.read.record_types import RecordTypesReader, RecordWindow
from tap_dixa.streams.base import DixaStream
from tap_dixa.streams.lists import ListStream
from tap_dixa.timestamps import to_rfc3339

_LARGEST_PAGE = 300
"""So many rows per page Dixa's own client requests at most; no page of Dixa's names a limit."""


class AnalyticsMetricsStream(ListStream):
    """The metrics of the Analytics API."""

    name = "analytics_metrics"
    path = "/v1/analytics/metrics"
    is_optional = True
    selected_by_default = False


class AnalyticsRecordTypesStream(ListStream):
    """The record types of the Analytics API."""

    name = "analytics_record_types"
    path = "/v1/analytics/records"
    is_optional = True
    selected_by_default = False


class IntelligenceRecordTypesStream(ListStream):
    """The record types of the Intelligence API."""

    name = "intelligence_record_types"
    path = "/beta/intelligence/records"
    is_optional = True
    selected_by_default = False


class AnalyticsRecordsStream(DixaStream):
    """Records of all types that the Analytics API has, each at its primary timestamp."""

    name = "analytics_records"
    path = "/v1/analytics/records"
    replication_key = "timestamp"
    selected_by_default = False
    is_optional = True
    partitions = None  # the reader reads all record types: the SDK would stop at one that fails

    types: ClassVar[type[ListStream]] = AnalyticsRecordTypesStream
    """The record types."""
    setting: ClassVar[str] = "analytics_record_ids"
    """The setting that names those that are read."""
    is_documented: ClassVar[bool] = True
    """Whether Dixa documents the rows."""

    def request(self, window: RecordWindow, filters: Sequence[Mapping[str, Any]] | None) -> Request:
        """Make the request for the first page of a window's rows."""
        interval = {
            "_type": "Interval",
            "start": to_rfc3339(window.after),
            "end": to_rfc3339(window.before),
        }
        body: dict[str, Any] = {"id": window.record_id, "timezone": "UTC", "periodFilter": interval}
        if filters:
            body["filters"] = filters
        return Request(self.path, query={"pageLimit": str(self.page_limit)}, body=body)

    def row(self, row: Any, window: RecordWindow) -> Row:
        """Make a record of a row, which is decoded JSON that can be stored."""
        return analytics_row(row, window.record_id, window.start)

    @property
    def page_limit(self) -> int:
        """How many rows a page has at most."""
        return min(self.run.settings.page_size or _LARGEST_PAGE, _LARGEST_PAGE)

    @override
    def read(self) -> Reader:
        catalogue = self.types.list_of(self.run)
        return RecordTypesReader(self, self.client, catalogue, is_test=self.is_test)

    @override
    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Write none: only the record types have a bookmark."""


class _PagedInBody(Request):
    """A request whose body names the page."""

    @override
    def with_query(self, query: Mapping[str, Any]) -> Request:
        """Name the page. Of a link, nothing else is taken."""
        body = {**(self.body or {})}
        if page_key := query.get("pageKey"):
            body["pagination"] = {**body["pagination"], "pageKey": page_key}
        return replace(self, body=body)


class IntelligenceRecordsStream(AnalyticsRecordsStream):
    """Records of all types that the Intelligence API has, such as the agents' presence.

    What its rows have, and by which time it selects them, is not documented: they are kept whole,
    and their timestamp is the start of the window.
    """

    name = "intelligence_records"
    path = "/beta/intelligence/{category}/records/{recordId}"
    types = IntelligenceRecordTypesStream
    setting = "intelligence_record_ids"
    is_documented = False

    @override
    def request(self, window: RecordWindow, filters: Sequence[Mapping[str, Any]] | None) -> Request:
        category = window.entry.get("category")
        if not category or not isinstance(category, str):
            raise RefusedError("Dixa's catalogue has no category for it, which is in its address")
        interval = {"from": to_rfc3339(window.after), "to": to_rfc3339(window.before)}
        return _PagedInBody(
            self.path,
            ids={"category": category, "recordId": window.record_id},
            body={
                "primaryFilter": {"period": {"interval": interval}},
                "timezone": "UTC",
                "pagination": {"pageLimit": self.page_limit},
                "includeLabels": True,
            },
        )

    @override
    def row(self, row: Any, window: RecordWindow) -> Row:
        category = window.entry["category"]
        return whole_row(row, window.record_id, window.start, category=category)

    @property
    def lookback_days(self) -> int:  # type: ignore[override] # a setting
        """An interval of presence may not have ended when it is read."""
        return self.run.settings.intelligence_lookback_days

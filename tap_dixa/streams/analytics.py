"""The streams of the Analytics and the Intelligence API: their catalogues and their records.

The Intelligence API is a beta, which Dixa may change.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from typing_extensions import override

from tap_dixa.errors import RefusedError, TooMuchError
from tap_dixa.streams.dixa_api import DixaApiStream
from tap_dixa.streams.record_rows import analytics_row, whole_row
from tap_dixa.streams.record_streams import CatalogueStream, RecordsStream
from tap_dixa.timestamps import DAY, to_rfc3339

if TYPE_CHECKING:
    from urllib.parse import ParseResult

    from singer_sdk.helpers.types import Context

    from tap_dixa.download.windows import Window
    from tap_dixa.retries import Retries
    from tap_dixa.streams.record_rows import RecordWindow, Row, RowSpool

_FILTERS = ("initial_direction", "channel", "initial_channel")
"""Filter attributes that every row has a value of, so that all values together select all rows."""


class AnalyticsMetricsStream(CatalogueStream):
    """The metrics of the Analytics API."""

    name = "analytics_metrics"
    path = "/v1/analytics/metrics"


class AnalyticsRecordTypesStream(CatalogueStream):
    """The record types of the Analytics API."""

    name = "analytics_record_types"
    path = "/v1/analytics/records"


class IntelligenceRecordTypesStream(CatalogueStream):
    """The record types of the Intelligence API."""

    name = "intelligence_record_types"
    path = "/beta/intelligence/records"


class FilterValues(DixaApiStream):
    """Reads the values that a filter can have. Not a stream of its own."""

    name = "analytics_records"
    path = "/v1/analytics/filter/{attribute}"
    primary_keys = ("value",)


class AnalyticsRecordsStream(RecordsStream):
    """Records of all types that the Analytics API has, each at its primary timestamp."""

    name = "analytics_records"
    path = "/v1/analytics/records"
    catalogue = AnalyticsRecordTypesStream
    setting = "analytics_record_ids"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._filters: dict[str, list[dict[str, Any]]] = {}
        self._not_as_documented: set[str] = set()

    @override
    def to_row(self, row: Any, window: RecordWindow) -> Row:
        made = analytics_row(row, window)
        if made.is_whole and window.record_id not in self._not_as_documented:
            self._not_as_documented.add(window.record_id)
            self.log(
                "%s: %s: Dixa sent a row that is not as documented; such rows are kept whole, in "
                "fields",
                self.name,
                window,
                level=logging.WARNING,
            )
        return made

    @override
    def download(self, window: Window, retries: Retries) -> RowSpool:
        try:
            return super().download(window, retries)
        except TooMuchError:
            # Dixa's description has filters as optional; its own client says there must be one.
            if not self._filter_all(cast("RecordWindow", window).record_id):
                raise
        return super().download(window, retries)

    def _filter_all(self, record_id: str) -> bool:
        """Filter by all values of an attribute from now on; return whether that is new."""
        if record_id in self._filters:
            return False
        self._filters[record_id] = []
        filters = self.types[record_id].get("filters")
        if not isinstance(filters, list):
            return False
        offered = [each.get("filterAttribute") for each in filters if isinstance(each, dict)]
        attribute = next((name for name in _FILTERS if name in offered), None)
        if attribute is None:
            return False
        try:
            rows = list(self.another(FilterValues).request_records({"attribute": attribute}))
        except RefusedError:
            return False
        values = [row.get("value") for row in rows if isinstance(row, dict)]
        values = [value for value in values if value and isinstance(value, str)]
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
    def get_url_params(
        self, context: Context | None, next_page_token: ParseResult | None
    ) -> dict[str, Any]:
        query = super().get_url_params(context, next_page_token)
        return {"pageLimit": str(self.page_limit), **query}

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


class IntelligenceRecordsStream(RecordsStream):
    """Records of all types that the Intelligence API has, such as the agents' presence.

    What its rows have, and by which time it selects them, is not documented: they are kept whole,
    and their timestamp is the start of the window. An interval of presence may not have ended when
    it is read, so the last days are read again in every run.
    """

    name = "intelligence_records"
    path = "/beta/intelligence/{category}/records/{recordId}"
    catalogue = IntelligenceRecordTypesStream
    setting = "intelligence_record_ids"

    @property
    @override
    def lookback(self) -> int:
        return max(super().lookback, self.settings.intelligence_lookback_days * DAY)

    @override
    def to_row(self, row: Any, window: RecordWindow) -> Row:
        return whole_row(row, window, category=self.types[window.record_id]["category"])

    @override
    def query(self, window: RecordWindow) -> dict[str, Any]:
        category = self.types[window.record_id].get("category")
        if not category or not isinstance(category, str):
            raise RefusedError("Dixa's catalogue has no category for it, which is in its address")
        return {
            "recordId": window.record_id,
            "category": category,
            "from": to_rfc3339(window.after),
            "to": to_rfc3339(window.before),
        }

    @override
    def get_url_params(
        self, context: Context | None, next_page_token: ParseResult | None
    ) -> dict[str, Any]:
        return {}  # they are in the body

    @override
    def prepare_request_payload(
        self, context: Context | None, next_page_token: ParseResult | None
    ) -> dict[str, Any]:
        query = context or {}
        pagination: dict[str, Any] = {"pageLimit": self.page_limit}
        if page_key := super().get_url_params(context, next_page_token).get("pageKey"):
            pagination["pageKey"] = page_key
        return {
            "primaryFilter": {"period": {"interval": {"from": query["from"], "to": query["to"]}}},
            "timezone": "UTC",
            "pagination": pagination,
            "includeLabels": True,
        }

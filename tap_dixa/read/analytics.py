"""The requests for records of the Analytics and the Intelligence API."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tap_dixa.errors import RefusedError, TooMuchError
from tap_dixa.http.client import Request
from tap_dixa.read.lists import ListSource
from tap_dixa.read.record_rows import analytics_row, whole_row
from tap_dixa.timestamps import to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_dixa.http.client import Client
    from tap_dixa.http.retries import Retries
    from tap_dixa.read.record_rows import RecordWindow, Row

LARGEST_PAGE = 300
"""So many rows per page Dixa's own client requests at most; no page of Dixa's names a limit."""
_FILTERS = ("initial_direction", "channel", "initial_channel")
"""Filter attributes that every row has a value of, so that all values together select all rows."""


class AnalyticsSource:
    """Requests records of Analytics."""

    def __init__(self, client: Client, path: str) -> None:
        self.client = client
        self._list = ListSource(client, Request(path))
        self._filters: dict[str, list[dict[str, Any]]] = {}
        self._not_as_documented: set[str] = set()

    def rows(self, window: RecordWindow, retries: Retries) -> Iterator[Any]:
        """Request the rows of a window, with retries: see `ListSource.rows_with`."""
        any_rows = False
        try:
            for row in self._rows(window, retries):
                any_rows = True
                yield row
        except TooMuchError:
            # Dixa's description has filters as optional; its own client says there must be one.
            if any_rows or not self._filter_all(window):
                raise
            yield from self._rows(window, retries)

    def record(self, row: Any, window: RecordWindow) -> Row:
        """Make a record of a row, which is decoded JSON that can be stored."""
        made = analytics_row(row, window)
        if made.is_whole and window.record_id not in self._not_as_documented:
            self._not_as_documented.add(window.record_id)
            self.client.warn(
                "%s: %s: Dixa sent a row that is not as documented; such rows are kept whole, in "
                "fields",
                self.client.stream,
                window,
            )
        return made

    def _rows(self, window: RecordWindow, retries: Retries) -> Iterator[Any]:
        interval = {
            "_type": "Interval",
            "start": to_rfc3339(window.after),
            "end": to_rfc3339(window.before),
        }
        body: dict[str, Any] = {"id": window.record_id, "timezone": "UTC", "periodFilter": interval}
        if filters := self._filters.get(window.record_id):
            body["filters"] = filters
        query = {"pageLimit": str(_page_limit(self.client))}
        request = Request(self._list.request.path, query=query, body=body)
        return self._list.rows_with(retries, request)

    def _filter_all(self, window: RecordWindow) -> bool:
        """Filter by all values of an attribute from now on; return whether that is new."""
        if window.record_id in self._filters:
            return False
        self._filters[window.record_id] = []
        filters = window.entry.get("filters")
        if not isinstance(filters, list):
            return False
        offered = [each.get("filterAttribute") for each in filters if isinstance(each, dict)]
        attribute = next((name for name in _FILTERS if name in offered), None)
        if attribute is None:
            return False
        request = Request("/v1/analytics/filter/{attribute}", ids={"attribute": attribute})
        try:
            rows = list(ListSource(self.client, request).rows())
        except RefusedError:
            return False
        values = [row.get("value") for row in rows if isinstance(row, dict)]
        values = [value for value in values if value and isinstance(value, str)]
        if values:
            self._filters[window.record_id] = [{"attribute": attribute, "values": values}]
            filtered = "%s: Dixa requires a filter: sending all values of %s"
            self.client.log(filtered, self.client.stream, attribute)
        return bool(values)


class _PagedInBody(Request):
    """A request whose body names the page."""

    def with_query(self, query: Mapping[str, Any]) -> Request:
        """Name the page. Of a link, nothing else is taken."""
        pagination = {**(self.body or {})["pagination"]}
        if page_key := query.get("pageKey"):
            pagination["pageKey"] = page_key
        return replace(self, body={**(self.body or {}), "pagination": pagination})


class IntelligenceSource:
    """Requests records of Intelligence, such as the agents' presence.

    What its rows have, and by which time it selects them, is not documented: they are kept whole,
    and their timestamp is the start of the window.
    """

    def __init__(self, client: Client, path: str) -> None:
        self.client = client
        self._list = ListSource(client, Request(path))

    def rows(self, window: RecordWindow, retries: Retries) -> Iterator[Any]:
        """Request the rows of a window, with retries: see `ListSource.rows_with`."""
        category = window.entry.get("category")
        if not category or not isinstance(category, str):
            raise RefusedError("Dixa's catalogue has no category for it, which is in its address")
        interval = {"from": to_rfc3339(window.after), "to": to_rfc3339(window.before)}
        request = _PagedInBody(
            self._list.request.path,
            ids={"category": category, "recordId": window.record_id},
            body={
                "primaryFilter": {"period": {"interval": interval}},
                "timezone": "UTC",
                "pagination": {"pageLimit": _page_limit(self.client)},
                "includeLabels": True,
            },
        )
        return self._list.rows_with(retries, request)

    def record(self, row: Any, window: RecordWindow) -> Row:
        """Make a record of a row, which is decoded JSON that can be stored."""
        return whole_row(row, window, category=window.entry["category"])


def _page_limit(client: Client) -> int:
    return min(client.run.settings.page_size or LARGEST_PAGE, LARGEST_PAGE)

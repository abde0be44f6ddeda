"""The streams of the Intelligence API, which Dixa has as a beta and may change.

The response to a query for records is documented in part only: see `record_rows`, and `time_of`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_dixa.download.windows import Window, split
from tap_dixa.errors import UnusableRecordError
from tap_dixa.log_shapes import shown_value
from tap_dixa.streams.record_rows import Time, cells_of, identity, join_columns, plain, to_json
from tap_dixa.streams.record_streams import RecordsStream, RecordTypesStream, RecordWindow
from tap_dixa.timestamps import DAY, to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator
    from urllib.parse import ParseResult

    from singer_sdk.helpers.types import Context, Record

    from tap_dixa.streams.record_rows import Cells

_PRIMARY = "primaryTimestampField"
_SUFFIX = r"(?:at|time|timestamp|date)?$"
_START = re.compile(rf"(?:start|started|begin|began|since|^from){_SUFFIX}")
_END = re.compile(rf"(?:end|ended|finish|finished|stop|stopped|until|^to){_SUFFIX}")
_NAMED_TIME = re.compile(r"(?:at|time|timestamp|date|start|end)$")
_DATE_TIME = re.compile(r"\s*\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")
_PLAUSIBLE = range(10**12, 10**13)
"""Numbers that can be Unix ms: 2001 to 2286."""
_SHORTEST_WORD = 4


class IntelligenceRecordTypesStream(RecordTypesStream):
    """The record types of the Intelligence API."""

    name = "intelligence_record_types"
    path = "/beta/intelligence/records"

    @override
    def to_record(self, row: Any, context: Context | None) -> Record:
        # What is in `fields` is not documented: a name alone would not fit the schema.
        if isinstance(row, dict) and isinstance(fields := row.get("fields"), list):
            row["fields"] = [one if isinstance(one, dict) else {"id": str(one)} for one in fields]
        return super().to_record(row, context)


class IntelligenceRecordsStream(RecordsStream):
    """Records of all kinds that the Intelligence API has, such as the agents' presence.

    An interval of presence may not have ended when it is read. So the last days are read again
    in every run.
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
    def windows(self, context: Context | None) -> list[Window]:
        windows = super().windows(context)
        if not windows:
            return []
        if self.ABORT_AT_RECORD_COUNT is not None:
            return windows
        # Whole days: if Dixa cuts intervals at the ends of a period, it cuts them there.
        start = max(self.settings.start_date, windows[0].start // DAY * DAY)
        record_id = (context or {})["recordId"]
        return [
            RecordWindow(one.start, one.end, record_id)
            for one in split(start, windows[-1].end, self.settings.window_days)
        ]

    @override
    def query(self, window: RecordWindow) -> dict[str, Any]:
        # Both ends are included, it is documented: no margin, which could cut an interval.
        return {
            "recordId": window.record_id,
            "category": self.types[window.record_id].get("category"),
            "from": to_rfc3339(window.start),
            "to": to_rfc3339(window.end),
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
        page_key = super().get_url_params(context, next_page_token).get("pageKey")
        pagination: dict[str, Any] = {"pageLimit": self.page_limit}
        interval = {"from": query["from"], "to": query["to"]}
        return {
            "primaryFilter": {"period": {"interval": interval}},
            "timezone": "UTC",
            "pagination": {**pagination, "pageKey": page_key} if page_key else pagination,
            "includeLabels": True,
        }

    @override
    def to_json(self, row: Any, window: RecordWindow) -> bytes:
        cells = cells_of(row)
        time = time_of(cells, window)
        if time is None:
            raise UnusableRecordError(
                f"Dixa sent a record without a timestamp: {shown_value(row)}. Please "
                "report the shape that tap-dixa --test shows"
            )
        cells.pop(_PRIMARY, None)
        record = {
            "recordId": window.record_id,
            "category": self.types[window.record_id].get("category"),
            "timestamp": to_rfc3339(time.milliseconds),
            "timestampField": time.name,
            **join_columns(cells),
            "fields": cells,
        }
        # Whatever Dixa sends for a window is in it: an interval that began before it, too.
        inside = window.start <= time.milliseconds <= window.end
        cursor = time.milliseconds if inside else window.start
        return to_json(record, cursor, identity(window.record_id, time, cells))


def time_of(cells: Cells, window: RecordWindow) -> Time | None:
    """Find the time by which Dixa filters a row: which field has it is not documented.

    Of an interval it is the start, which does not change. Otherwise it lies in the window, and if
    several fields do, the record id says which, such as ``closedAt`` of ``closedConversations``.

    Returns:
        None if the row has no time.
    """
    primary = cells.get(_PRIMARY, {})
    named = primary.get("value", primary)
    if isinstance(named, dict) and (time := _parse(str(named.get("name")), named.get("timestamp"))):
        return time
    times = [time for name, cell in cells.items() for time in _times(name, cell.get("value"))]
    starts = [time for time in times if _START.search(plain(time.name))]
    times = starts or [time for time in times if not _END.search(plain(time.name))] or times
    record_id = window.record_id.lower()

    def rank(time: Time) -> tuple[bool, bool, bool, bool, str]:
        words = re.findall(r"[A-Za-z][a-z]+", time.name)
        return (
            not window.start <= time.milliseconds <= window.end,
            plain(time.name) != "timestamp",
            not any(len(one) >= _SHORTEST_WORD and one.lower() in record_id for one in words),
            plain(time.name).startswith("created"),
            time.name,
        )

    return min(times, key=rank, default=None)


def _times(name: str, value: Any) -> Iterator[Time]:
    if isinstance(value, dict):
        for inner, part in value.items():
            if not isinstance(part, dict):
                yield from _times(inner, part)
    elif (time := _parse(name, value)) is not None:
        yield time


def _parse(name: str, value: Any) -> Time | None:
    try:
        if isinstance(value, str) and _DATE_TIME.fullmatch(value):
            return Time.parse(name, value)
        if type(value) is int and value in _PLAUSIBLE and _NAMED_TIME.search(plain(name)):
            return Time.from_milliseconds(name, value)
    except (OverflowError, ValueError):
        pass  # it is no time
    return None

"""Queries for records of the Analytics and the Intelligence API: their bodies and their pages."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (msgspec needs it)
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from starlette.exceptions import HTTPException

from tap_dixa_sandbox import analytics, intelligence
from tap_dixa_sandbox.filters import BadQueryError, Bounds, Interval
from tap_dixa_sandbox.pages import Key, Paging
from tap_dixa_sandbox.times import milliseconds

if TYPE_CHECKING:
    from starlette.requests import Request

    from tap_dixa_sandbox.behaviour import Behaviour
    from tap_dixa_sandbox.dataset import DataSet

    Page = dict[str, Any]

_ANALYTICS = Paging(most=300)
_INTELLIGENCE = Paging(most=1000, usual=50)
_INCLUSIVE = Bounds()


class _AnalyticsInterval(msgspec.Struct, tag_field="_type", tag="Interval"):
    start: datetime
    end: datetime


class _AnalyticsFilter(msgspec.Struct):
    attribute: str
    values: list[str] = []


class _AnalyticsQuery(msgspec.Struct, rename="camel"):
    id: str
    timezone: str
    period_filter: _AnalyticsInterval
    filters: list[_AnalyticsFilter] = []


class _Ends(msgspec.Struct, rename={"start": "from", "end": "to"}):
    start: datetime
    end: datetime


class _Period(msgspec.Struct):
    interval: _Ends


class _PrimaryFilter(msgspec.Struct):
    period: _Period


class _Pagination(msgspec.Struct, rename="camel"):
    page_limit: int = _INTELLIGENCE.usual
    page_key: str | None = None


class _IntelligenceQuery(msgspec.Struct, rename="camel"):
    primary_filter: _PrimaryFilter
    timezone: str
    pagination: _Pagination = msgspec.field(default_factory=_Pagination)
    include_labels: bool = True


class RecordQueries:
    """What queries for records find in a data set.

    Filters select nothing: only whether there are any matters, where they must be given.

    Args:
        data: The data.
        behaviour: How it behaves.
    """

    def __init__(self, data: DataSet, behaviour: Behaviour) -> None:
        self._data = data
        self._behaviour = behaviour
        self._analytics_rows = lru_cache(maxsize=4)(analytics.rows)
        self._intelligence_rows = lru_cache(maxsize=4)(intelligence.rows)

    def analytics(self, request: Request) -> Page:
        """Respond to a query of the Analytics API.

        Raises:
            BadQueryError: Dixa would refuse it.
        """
        query = _decode(request, _AnalyticsQuery)
        if query.id not in {kind["id"] for kind in analytics.record_types()}:
            raise BadQueryError("Invalid value for: body (unknown id)")
        if self._behaviour.analytics_filters and not any(one.values for one in query.filters):
            raise BadQueryError("Invalid value for: body (filters)")
        after, before = _bounds(query.period_filter.start, query.period_filter.end)
        request.state.interval = after, before
        key = Key.read(request) or Key(request.url.path, as_of=self._data.now())
        interval = Interval(after, before, self._behaviour.bounds)
        rows = self._analytics_rows(self._data, query.id, interval, key.as_of)
        page = _ANALYTICS.page(
            request, key, range(len(rows)), lambda places: [rows[place] for place in places]
        )
        if self._behaviour.analytics_page_keys:
            del page["meta"]
            following = key.place + len(page["data"])
            if following < len(rows):
                page["pageKey"] = str(msgspec.structs.replace(key, place=following))
        return page

    def intelligence(self, request: Request) -> Page:
        """Respond to a query of the Intelligence API.

        Raises:
            BadQueryError: Dixa would refuse it.
            HTTPException: There is no such record type.
        """
        category, kind = request.path_params["category"], request.path_params["id"]
        if kind not in {one["id"] for one in intelligence.record_types(category)}:
            raise HTTPException(404, "The requested resource could not be found")
        query = _decode(request, _IntelligenceQuery)
        limit, text = query.pagination.page_limit, query.pagination.page_key
        if not 1 <= limit <= _INTELLIGENCE.most:
            raise BadQueryError("Invalid value for: body (pageLimit)")
        ends = query.primary_filter.period.interval
        after, before = _bounds(ends.start, ends.end)
        request.state.interval = after, before
        path = request.url.path
        key = Key.parse(text, path) if text else Key(path, as_of=self._data.now())
        interval = Interval(after, before, _INCLUSIVE)
        rows = self._intelligence_rows(self._data, kind, interval, key.as_of)
        end = key.place + limit
        found = rows[key.place : end]
        if not query.include_labels:
            found = [intelligence.without_labels(row) for row in found]
        more = {"meta": {"next": str(msgspec.structs.replace(key, place=end))}}
        return {"data": found} | (more if end < len(rows) else {})


def catalogue(request: Request) -> Page:
    """Respond with a page of the Intelligence API's record types.

    Raises:
        BadQueryError: Dixa would refuse it.
    """
    category = request.query_params.get("category")
    if category not in {None, *intelligence.CATEGORIES}:
        raise BadQueryError("Invalid value for: query parameter category")
    rows = intelligence.record_types(category)
    key = Key.read(request) or Key(request.url.path)
    page = _INTELLIGENCE.page(
        request, key, range(len(rows)), lambda places: [rows[place] for place in places]
    )
    if category and "next" in page["meta"]:
        page["meta"]["next"] += f"&{urlencode({'category': category})}"
    return page


def _decode(request: Request, kind: type[Any]) -> Any:
    try:
        query = msgspec.json.decode(request.state.body, type=kind)
        ZoneInfo(query.timezone)
    except (msgspec.MsgspecError, ValueError, ZoneInfoNotFoundError) as error:
        raise BadQueryError(f"Invalid value for: body ({error})") from None
    return query


def _bounds(start: datetime, end: datetime) -> tuple[int, int]:
    if start.tzinfo is None or end.tzinfo is None or end < start:
        raise BadQueryError("Invalid value for: body (period)")
    return milliseconds(start), milliseconds(end)

"""Queries for records of the Analytics and the Intelligence API: their bodies and their pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request

from tap_dixa_sandbox import analytics, intelligence
from tap_dixa_sandbox.behaviour import Behaviour
from tap_dixa_sandbox.dataset import DataSet
from tap_dixa_sandbox.filters import BadQueryError, Bounds, Interval
from tap_dixa_sandbox.pages import Key, Paging
from tap_dixa_sandbox.times import milliseconds

Page = dict[str, Any]

_ANALYTICS = Paging(most=300)
_INTELLIGENCE = Paging(most=1000, usual=50)


class RecordQueries:
    """What queries for records find in a data set. Filters select nothing.

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
        with _refusing_bodies():
            query = msgspec.json.decode(request.state.body)
            period, kind = query["periodFilter"], query["id"]
            interval = _interval(query, period["start"], period["end"], self._behaviour.bounds)
        if kind not in {known["id"] for known in analytics.record_types()}:
            raise BadQueryError("Invalid value for: body (unknown id)")
        key = Key.read(request, as_of=self._data.now())
        rows = self._analytics_rows(self._data, kind, interval, key.as_of)
        return _ANALYTICS.listed(request, key, rows)

    def intelligence(self, request: Request) -> Page:
        """Respond to a query of the Intelligence API.

        Raises:
            BadQueryError: Dixa would refuse it.
            HTTPException: There is no such record type.
        """
        kind = request.path_params["id"]
        if kind not in intelligence.ids(request.path_params["category"]):
            raise HTTPException(404, "The requested resource could not be found")
        with _refusing_bodies():
            query = msgspec.json.decode(request.state.body)
            period = query["primaryFilter"]["period"]["interval"]
            interval = _interval(query, period["from"], period["to"], Bounds())
            pagination = query.get("pagination", {})
            limit = pagination.get("pageLimit", _INTELLIGENCE.usual)
            if not 1 <= limit <= _INTELLIGENCE.most:
                raise BadQueryError("Invalid value for: body (pageLimit)")
        key = Key.read(request, pagination.get("pageKey"), as_of=self._data.now())
        rows = self._intelligence_rows(self._data, kind, interval, key.as_of)
        end = key.place + limit
        more = {"meta": {"next": str(msgspec.structs.replace(key, place=end))}}
        return {"data": rows[key.place : end]} | (more if end < len(rows) else {})


def catalogue(request: Request) -> Page:
    """Respond with a page of the Intelligence API's record types.

    Raises:
        BadQueryError: Dixa would refuse it.
    """
    return _INTELLIGENCE.listed(request, Key.read(request), intelligence.record_types())


@contextmanager
def _refusing_bodies() -> Iterator[None]:
    """Refuse the body of a query that lacks something or has something wrong."""
    try:
        yield
    except (KeyError, TypeError, ValueError, ZoneInfoNotFoundError) as error:
        raise BadQueryError(f"Invalid value for: body ({error})") from None


def _interval(query: Page, start: str, end: str, bounds: Bounds) -> Interval:
    ZoneInfo(query["timezone"])
    after, before = (milliseconds(datetime.fromisoformat(text)) for text in (start, end))
    if before < after:
        raise BadQueryError("Invalid value for: body (period)")
    return Interval(after, before, bounds)

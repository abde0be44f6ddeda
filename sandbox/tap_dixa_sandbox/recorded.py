"""A file that ``tap-dixa --test --shapes`` wrote, served in place of sample data.

Its day ends when the sandbox starts. Exports are filtered by time; any other response is the one to
the same path, ids and page, or the first one to the path. There is no token and no rate limit.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tap_dixa_sandbox.filters import Bounds, Interval, intervals

_END = 981_244_800
"""When a file's day ends, in Unix seconds: with 3 February 2001."""
_YEAR = range(978_307_200, 1_009_843_200)
"""All times of a file are in 2001, in Unix seconds."""
_TIME = re.compile(r"2001-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?")
_PLACE = 36 * 3_600_000
"""What is farther from the middle of the day, in ms, was sent although nobody asked for it."""
_ASKED = ("pageKey", "channel", "id")


def routes(file: Path, now: int) -> Iterator[Route]:
    """Make the routes for what a file has, whose day ends now, in Unix ms."""
    content = json.loads(file.read_bytes())
    responses = sorted(content["responses"], key=itemgetter("path"))
    for path, group in groupby(_moved(responses, now // 1000 - _END), itemgetter("path")):
        yield _route(path, list(group), content["inclusive"], now - 12 * 3_600_000)


def _route(path: str, found: list[Any], inclusive: Mapping[str, bool], noon: int) -> Route:
    async def serve(request: Request) -> Response:
        body = json.loads(await request.body() or "{}")
        query = {**request.query_params, **body, **body.get("pagination", {})}
        asked = {name: query[name] for name in _ASKED if name in query} | request.path_params
        same = [each for each in found if each["asked"] == asked] or found[:1]
        response = max(same, key=lambda each: each["body"] is not None)
        content = b"" if response["body"] is None else msgspec.json.encode(response["body"])
        for field in ("created", "updated"):
            sides = (inclusive.get(f"{field}_{side}", True) for side in ("after", "before"))
            for interval in intervals(request.query_params, (field,), Bounds(*sides)).values():
                content = _export(same, f"{field}_at", interval, noon)
        return Response(content, response["status"], media_type=response["type"])

    return Route(path, serve, methods=["GET", "POST"])


def _export(found: list[Any], field: str, interval: Interval, noon: int) -> bytes:
    """Write the records of an interval, in the order of the responses that have them."""
    rows = (row for each in found for row in each["body"] or ())
    times = ((row, row.get(field)) for row in rows if isinstance(row, dict))
    sent = (
        msgspec.json.encode(row)
        for row, time in times
        if not isinstance(time, int) or interval(time) or abs(time - noon) > _PLACE
    )
    return b"[%b]" % b",".join(dict.fromkeys(sent))


def _moved(value: Any, seconds: int) -> Any:
    """Move the times in decoded JSON by so many seconds."""
    match value:
        case dict():
            return {name: _moved(each, seconds) for name, each in value.items()}
        case list():
            return [_moved(each, seconds) for each in value]
        case int() if value in _YEAR or value // 1000 in _YEAR:
            return value + seconds * (1 if value in _YEAR else 1000)
        case str() if value.isdecimal():
            return str(_moved(int(value), seconds))
        case str() if time := _TIME.match(value):
            moved = datetime.fromisoformat(time[0]) + timedelta(seconds=seconds)
            return moved.isoformat(value[10:11] or "T")[: len(time[0])] + value[time.end() :]
    return value

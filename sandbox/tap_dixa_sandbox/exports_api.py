"""The routes of the Exports API: its authentication, limits, filters and responses."""

import base64
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tap_dixa_sandbox.behaviour import Behaviour
from tap_dixa_sandbox.dataset import TIMES, DataSet
from tap_dixa_sandbox.filters import BadQueryError, ids, intervals
from tap_dixa_sandbox.rate_limits import PerMinute

Records = Iterable[dict[str, Any]]

_CHUNK = 1 << 16


class ExportsApi:
    """The Exports API over a data set.

    Args:
        data: The data that it serves.
        behaviour: How it behaves.
    """

    def __init__(self, data: DataSet, behaviour: Behaviour) -> None:
        self._data = data
        self._behaviour = behaviour
        self._limit = PerMinute()
        packed = [Middleware(GZipMiddleware, compresslevel=1)]
        self.routes = [
            Route(path, self._serving(export), middleware=packed)
            for path, export in {
                "/v1/conversation_export": self._conversations,
                "/v1/message_export": self._messages,
            }.items()
        ]

    def _serving(
        self, export: Callable[[Mapping[str, str]], Records]
    ) -> Callable[[Request], Response]:
        def serve(request: Request) -> Response:
            self._admit(request)
            records = export(request.query_params)
            return StreamingResponse(as_json(records), media_type="application/json")

        return serve

    def _admit(self, request: Request) -> None:
        behaviour = self._behaviour
        basic = base64.b64encode(f"bearer:{behaviour.token}".encode()).decode()
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if (scheme.lower(), secret) not in {("bearer", behaviour.token), ("basic", basic)}:
            raise HTTPException(401, "Invalid or missing credentials")
        if not self._limit.take(behaviour.requests_per_minute, time.monotonic()):
            raise HTTPException(429, "API limit has been reached")

    def _conversations(self, query: Mapping[str, str]) -> Records:
        wanted = ids(query)
        filters = intervals(query, TIMES, self._behaviour.bounds)
        if wanted is None and not filters:
            raise BadQueryError(f"a pair of filters is needed, such as {TIMES[1]}_after/_before")
        return self._data.conversations(dict(filters), wanted)

    def _messages(self, query: Mapping[str, str]) -> Records:
        filters = intervals(query, ("created",), self._behaviour.bounds)
        if not filters:
            raise BadQueryError("created_after and created_before are needed")
        created = filters["created"]
        return self._data.messages(created, created.after, created.before)


def as_json(records: Records) -> Iterator[bytes]:
    """Write records as one JSON array, a few at a time."""
    encode = msgspec.json.Encoder().encode
    chunk = bytearray(b"[")
    separator = b""
    for record in records:
        chunk += separator
        chunk += encode(record)
        separator = b","
        if len(chunk) >= _CHUNK:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk + b"]")

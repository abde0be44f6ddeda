"""The routes of the Exports API: its authentication, limits, filters and responses."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse
from starlette.routing import Route

from tap_dixa_sandbox import documented_forms, new_fields, out_of_place
from tap_dixa_sandbox.answers import noting
from tap_dixa_sandbox.bodies import as_json, squeezed
from tap_dixa_sandbox.dataset import TIMES, DataSet
from tap_dixa_sandbox.faults import Away, BrokenResponse, Fault, Odd, Refusal
from tap_dixa_sandbox.filters import BadQueryError, Interval, ids, intervals
from tap_dixa_sandbox.paths import is_among
from tap_dixa_sandbox.rate_limits import PerMinute, TooManyRequestsError
from tap_dixa_sandbox.too_long import is_too_long, too_long

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from tap_dixa_sandbox.behaviour import Behaviour

    Record = dict[str, Any]
    Records = Iterable[Record]
    Export = Callable[[Mapping[str, str]], tuple[dict[str, Interval], Records]]


class ExportsApi:
    """The Exports API over a data set.

    Args:
        data: The data that it serves.
        behaviour: How it behaves.
        arrived: Where it notes the time of arrival of every request.
        answered: Where it notes path, query and status of every request.
        away: Makes an application that closes the server for some seconds.
    """

    def __init__(
        self,
        data: DataSet,
        behaviour: Behaviour,
        arrived: list[float],
        answered: list[tuple[str, dict[str, str], int]],
        away: Callable[[float], ASGIApp],
    ) -> None:
        self._data = data
        self._behaviour = behaviour
        self._arrived = arrived
        self._answered = answered
        self._away = away
        self._limit = PerMinute()
        self.routes = [
            Route("/v1/conversation_export", self._serving(self._conversations)),
            Route("/v1/message_export", self._serving(self._messages)),
        ]

    def _serving(self, export: Export) -> Callable[[Request], Awaitable[ASGIApp]]:
        async def serve(request: Request) -> ASGIApp:
            self._arrived.append(time.monotonic())
            with noting(request, self._answered) as answer:
                fault = self._admit(request)
                await asyncio.sleep(self._behaviour.latency)  # others are served meanwhile
                filters, records = export(request.query_params)
                if fault is None and self._is_too_long(filters):
                    response = await self._too_long(records)
                else:
                    response = self._export(request, records, fault)
                answer.status = response.status if isinstance(response, Refusal) else 200
            return response

        return serve

    def _admit(self, request: Request) -> Fault | None:
        behaviour = self._behaviour
        if is_among(request.url.path, behaviour.missing):
            raise HTTPException(404, "Not Found")
        basic = base64.b64encode(f"bearer:{behaviour.token}".encode()).decode()
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if (scheme.lower(), secret) not in {("bearer", behaviour.token), ("basic", basic)}:
            raise HTTPException(401, "Invalid or missing credentials")
        if not self._limit.take(behaviour.requests_per_minute, time.monotonic()):
            raise TooManyRequestsError
        return behaviour.faults.popleft() if behaviour.faults else None

    def _conversations(self, query: Mapping[str, str]) -> tuple[dict[str, Interval], Records]:
        wanted = ids(query)
        filters = intervals(query, TIMES, self._behaviour.bounds)
        if wanted is None and not filters:
            raise BadQueryError(f"a pair of filters is needed, such as {TIMES[1]}_after/_before")
        records = self._data.conversations(dict(filters), wanted)
        altered = self._altered(records, filters, out_of_place.conversation, "tags_info")
        return filters, self._formed(altered, documented_forms.conversation)

    def _messages(self, query: Mapping[str, str]) -> tuple[dict[str, Interval], Records]:
        filters = intervals(query, ("created",), self._behaviour.bounds)
        if not filters:
            raise BadQueryError("created_after and created_before are needed")
        created = filters["created"]
        records = self._data.messages(created, created.after, created.before)
        altered = self._altered(records, filters, out_of_place.message, None)
        return filters, self._formed(altered, documented_forms.message)

    def _altered(
        self,
        records: Records,
        filters: dict[str, Interval],
        write: out_of_place.Write,
        nested: str | None,
    ) -> Records:
        """Add the records and fields that the behaviour asks for."""
        count = self._behaviour.out_of_place
        if count and filters:
            records = out_of_place.around(records, self._data, filters, count, write)
        if self._behaviour.new_fields:
            records = (new_fields.added(record, nested) for record in records)
        return records

    def _formed(self, records: Records, form: Callable[[Record], Record]) -> Records:
        return map(form, records) if self._behaviour.documented_forms else records

    def _is_too_long(self, filters: dict[str, Interval]) -> bool:
        longest = self._behaviour.longest_export_days
        return any(
            is_too_long(interval.after, interval.before, longest) for interval in filters.values()
        )

    async def _too_long(self, records: Records) -> ASGIApp:
        kind = self._behaviour.too_long
        body = await run_in_threadpool(b"".join, as_json(records)) if kind == "cut" else b""
        return too_long(kind, body)

    def _export(self, request: Request, records: Records, fault: Fault | None) -> ASGIApp:
        if isinstance(fault, Refusal):
            return fault
        if isinstance(fault, Away):
            return self._away(fault.seconds)
        body = as_json(fault.among(records) if isinstance(fault, Odd) else records)
        if isinstance(fault, BrokenResponse):
            return fault.responding(body)
        headers = {"Content-Type": "application/json"}
        accepted = request.headers.get("Accept-Encoding", "").replace(" ", "")
        if "gzip" in accepted and "gzip;q=0" not in accepted:
            headers["Content-Encoding"] = "gzip"
            body = squeezed(body)
        return StreamingResponse(body, headers=headers)

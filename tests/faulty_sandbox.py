"""A sandbox that notes what it is asked, and that tests make fail or behave unusually."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.requests import Request

from tap_dixa_sandbox.arrivals import DAY
from tap_dixa_sandbox.server import Sandbox, listen
from tests import altered
from tests.faults import Away, BrokenResponse, Odd, Refusal, disconnected, reset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tap_dixa_sandbox.dataset import DataSet
    from tests.behaviour import Behaviour
    from tests.faults import Fault

EXPORTS = ("/v1/conversation_export", "/v1/message_export")
_MARGINS = 2_000
"""How much longer than a window the tap's request for it is, in ms: a second on each side."""
_WHOLE_SECONDS = 2_000
"""How much longer a request of the Dixa API may be to begin and end with a second, in ms."""


class FaultySandbox(Sandbox):
    """A sandbox behind an application that notes requests, and that fails as a test asks.

    Args:
        data: The data that it serves.
        behaviour: How it behaves. It can be changed at any time, but for the certificate.
    """

    behaviour: Behaviour

    def __init__(self, data: DataSet, behaviour: Behaviour) -> None:
        super().__init__(data, behaviour)
        self.answered: list[tuple[str, dict[str, str], int]] = []
        """Path, query and status of every response of either API so far, in order."""
        self.arrived: list[float] = []
        """When each export request arrived, by the monotonic clock, in seconds."""
        self._dixa, self.app = self.app, self._respond
        if behaviour.certificate:
            self._server.config.ssl_certfile = behaviour.certificate
            self.url = self.url.replace("http:", "https:")

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        path, query = request.url.path, dict(request.query_params)
        received = []
        if request.method == "POST":  # without a wait, faults come in the order of requests
            body = await request.body()
            query["body"] = body.decode(errors="replace")
            received.append({"type": "http.request", "body": body})
        if path in EXPORTS:
            self.arrived.append(time.monotonic())

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.answered.append((path, query, message["status"]))
                message = self._dated(message)
            await send(message)

        async def receive_again() -> Message:
            return received.pop() if received else await receive()

        if path.startswith("/sandbox/"):
            await self._dixa(scope, receive_again, send)
            return
        fault = self._refusal(path, query) or self._next_fault(path)
        if path in EXPORTS and not isinstance(fault, Refusal):
            await asyncio.sleep(self.behaviour.latency)
        fault = fault or self._too_long(path, query)
        if isinstance(fault, Refusal):
            await fault.respond(noting)
        elif isinstance(fault, Away):
            self.answered.append((path, query, 200))
            await self._leave(fault.seconds, receive, send)
        elif fault or self._alters():
            response = await Response.of(self._dixa, scope, receive_again, send)
            if response.start["status"] == 200:
                response.body = self._altered(request, response.body)
                if isinstance(fault, Odd) and path in EXPORTS:
                    response.body = fault.among(response.body)
            if isinstance(fault, BrokenResponse) and response.start["status"] == 200:
                self.answered.append((path, query, 200))
                await fault.respond(response.body, receive, _transport(send))
            else:
                await response.send(noting)
        else:
            await self._dixa(scope, receive_again, noting)

    def _dated(self, start: Message) -> Message:
        now = datetime.fromtimestamp((self.behaviour.date or self.data.now)() / 1000, UTC)
        headers = [header for header in start["headers"] if header[0] != b"date"]
        date = format_datetime(now, usegmt=True).encode()
        return {**start, "headers": [*headers, (b"date", date)]}

    def _refusal(self, path: str, query: dict[str, str]) -> Refusal | None:
        """Give the response to a request for what is missing, or not allowed."""
        behaviour = self.behaviour
        if _is_among(path, behaviour.missing):
            return Refusal.with_message(404, "Not Found")
        if path in EXPORTS:
            return None
        if path.startswith("/v1/") and _is_among(path, behaviour.beta_only):
            return Refusal.with_message(404, "Not Found")
        for beginning, status in behaviour.forbidden.items():
            if _is_among(path, {beginning}):
                return Refusal.with_message(status, "The token does not give access to this")
        if behaviour.analytics_filters and path.endswith("/analytics/records") and "body" in query:
            filters = json.loads(query["body"]).get("filters", [])
            if not any(one.get("values") for one in filters):
                return Refusal.with_message(400, "Invalid value for: body (filters)")
        return None

    def _next_fault(self, path: str) -> Fault | None:
        faults = self.behaviour.faults if path in EXPORTS else self.behaviour.api_faults
        return faults.popleft() if faults else None

    def _too_long(self, path: str, query: dict[str, str]) -> Fault | None:
        """Give the response to a request for more time than is served at once."""
        behaviour, kind = self.behaviour, self.behaviour.too_long
        exported = path in EXPORTS
        days = behaviour.longest_export_days if exported else behaviour.longest_query_days
        if days is None:
            return None
        longest = days * DAY + _MARGINS + (0 if exported else _WHOLE_SECONDS)
        if not any(before - after > longest for after, before in intervals(query)):
            return None
        if kind == "hang":
            return BrokenResponse("stall", head=False)
        if kind == "cut":
            return BrokenResponse("hangup", after=1_000)
        return Refusal.with_message(int(kind), HTTPStatus(int(kind)).phrase)

    def _alters(self) -> bool:
        behaviour = self.behaviour
        return bool(
            behaviour.new_fields
            or behaviour.out_of_place
            or behaviour.documented_forms
            or behaviour.analytics_page_keys
        )

    def _altered(self, request: Request, body: bytes) -> bytes:
        """Give a response as the behaviour asks for it."""
        if not self._alters():
            return body
        behaviour, path, content = self.behaviour, request.url.path, json.loads(body)
        rows = content if path in EXPORTS else content["data"]
        if path in EXPORTS:
            url = str(request.url)
            rows = altered.among_others(rows, self.data, url, behaviour.out_of_place)
        if behaviour.new_fields:
            rows = altered.with_new_fields(rows)
        if behaviour.documented_forms:
            rows = altered.as_documented(path, rows)
        content = rows if path in EXPORTS else {**content, "data": rows}
        if behaviour.analytics_page_keys and request.method == "POST" and "/analytics/" in path:
            content = altered.with_a_page_key(content)
        return msgspec.json.encode(content)

    async def _leave(self, seconds: float, receive: Receive, send: Send) -> None:
        """Reset a connection, and stop listening for a while."""
        loop = asyncio.get_running_loop()
        for server in self._server.servers:
            for listening in server.sockets:
                loop.remove_reader(listening.fileno())
        # A connection that is just being accepted would otherwise never get a response.
        await asyncio.sleep(0)
        for server in self._server.servers:
            server.close()
        reset(_transport(send))
        await asyncio.sleep(seconds)
        self._socket = listen(self._address)
        await self._server.startup(sockets=[self._socket])
        await disconnected(receive)


class Response:
    """A whole response, not compressed. It can be changed before it is sent."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        """The connection, which a sandbox breaks if it is told to."""
        self.start: Message = {}
        self.body = b""

    @classmethod
    async def of(cls, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> Response:
        """Let an application respond to a request."""
        response = cls(_transport(send))
        plain = [header for header in scope["headers"] if header[0] != b"accept-encoding"]
        await app({**scope, "headers": plain}, receive, response._keep)
        return response

    async def _keep(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        self.body += message.get("body", b"")

    async def send(self, send: Send) -> None:
        headers = [h for h in self.start["headers"] if h[0].lower() != b"content-length"]
        headers.append((b"content-length", str(len(self.body)).encode()))
        await send({**self.start, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def intervals(query: dict[str, str]) -> Iterator[tuple[int, int]]:
    """Give the start and the end (Unix ms) of each interval that a query names."""
    for name, value in query.items():
        if name.endswith("_after"):
            yield int(value), int(query[name.replace("_after", "_before")])
    if {"fromDatetime", "toDatetime"} <= query.keys():
        yield _milliseconds(query["fromDatetime"]), _milliseconds(query["toDatetime"])
    if "body" in query:
        body = json.loads(query["body"])
        if "periodFilter" in body:
            period = body["periodFilter"]
            yield _milliseconds(period["start"]), _milliseconds(period["end"])
        else:
            period = body["primaryFilter"]["period"]["interval"]
            yield _milliseconds(period["from"]), _milliseconds(period["to"])


def _milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _is_among(path: str, beginnings: set[str]) -> bool:
    """Whether a path begins with one of several, whatever version either names."""
    return any(_without_version(path).startswith(_without_version(one)) for one in beginnings)


def _without_version(path: str) -> str:
    return path.removeprefix("/v1").removeprefix("/beta")


def _transport(send: Send) -> Any:
    """Give the connection of a response: ASGI has no message that breaks it."""
    return send.__self__.transport  # type: ignore[attr-defined]

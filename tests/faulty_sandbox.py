"""A sandbox that notes what it is asked, and that tests make fail or behave unusually."""

import asyncio
import json
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus

import msgspec
from starlette.requests import Request

from tap_dixa_sandbox.arrivals import DAY
from tap_dixa_sandbox.server import Sandbox, listen
from tests import altered
from tests.behaviour import Behaviour
from tests.faults import Away, BrokenResponse, Odd, Refusal, disconnected, reset

EXPORTS = ("/v1/conversation_export", "/v1/message_export")
_MARGINS = 2_000
"""How much longer than a window the tap's request for it is, in ms: a second on each side."""
_WHOLE_SECONDS = 2_000
"""How much longer a request of the Dixa API may be to begin and end with a second, in ms."""


class FaultySandbox(Sandbox):
    """A sandbox behind an application that notes requests, and that fails as a test asks.

    Its behaviour can be changed at any time, but for the certificate.
    """

    behaviour: Behaviour

    def __init__(self, data, behaviour, shapes=None):
        super().__init__(data, behaviour, shapes=shapes)
        self.answered = []
        """Path, query and status of every response of either API so far, in order."""
        self.arrived = []
        """When each export request arrived, by the monotonic clock, in seconds."""
        self._dixa, self.app = self.app, self._respond
        if behaviour.certificate:
            self._server.config.ssl_certfile = behaviour.certificate
            self.url = self.url.replace("http:", "https:")

    async def _respond(self, scope, receive, send):
        request = Request(scope, receive)
        if request.url.path.startswith("/sandbox/"):
            await self._dixa(scope, receive, send)
            return
        path, query = request.url.path, dict(request.query_params)
        received = []
        if request.method == "POST":  # without a wait, faults come in the order of requests
            body = await request.body()
            query["body"] = body.decode(errors="replace")
            received.append({"type": "http.request", "body": body})
        if path in EXPORTS:
            self.arrived.append(time.monotonic())

        async def noting(message):
            if message["type"] == "http.response.start":
                self.answered.append((path, query, message["status"]))
                message = self._dated(message)
            await send(message)

        async def receive_again():
            return received.pop() if received else await receive()

        fault = self._refusal(path, query) or self._next_fault(path, query)
        if path in EXPORTS and not isinstance(fault, Refusal):
            await asyncio.sleep(self.behaviour.latency)
        fault = fault or self._too_long(path, query)
        if isinstance(fault, Refusal):
            await fault.respond(noting)
        elif isinstance(fault, Away):
            self.answered.append((path, query, 200))
            await self._leave(fault.seconds, receive, send)
        elif fault or self._alters():
            start, body = await _whole(self._dixa, scope, receive_again)
            if start["status"] == 200:
                body = self._altered(request, body)
                if isinstance(fault, Odd) and path in EXPORTS:
                    body = fault.among(body)
            if isinstance(fault, BrokenResponse) and start["status"] == 200:
                self.answered.append((path, query, 200))
                await fault.respond(body, receive, _transport(send))
            else:
                headers = [h for h in start["headers"] if h[0].lower() != b"content-length"]
                headers.append((b"content-length", str(len(body)).encode()))
                await noting({**start, "headers": headers})
                await send({"type": "http.response.body", "body": body})
        else:
            await self._dixa(scope, receive_again, noting)

    def _dated(self, start):
        now = datetime.fromtimestamp((self.behaviour.date or self.data.now)() / 1000, UTC)
        headers = [header for header in start["headers"] if header[0] != b"date"]
        date = format_datetime(now, usegmt=True).encode()
        return {**start, "headers": [*headers, (b"date", date)]}

    def _refusal(self, path, query):
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

    def _next_fault(self, path, query):
        if self.behaviour.draw:
            return self.behaviour.draw(f"{path} {query}")
        faults = self.behaviour.faults if path in EXPORTS else self.behaviour.api_faults
        return faults.popleft() if faults else None

    def _too_long(self, path, query):
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

    def _alters(self):
        behaviour = self.behaviour
        return bool(
            behaviour.alter
            or behaviour.new_fields
            or behaviour.documented_forms
            or behaviour.analytics_page_keys
        )

    def _altered(self, request, body):
        """Give a response as the behaviour asks for it."""
        if not self._alters():
            return body
        behaviour, path, content = self.behaviour, request.url.path, json.loads(body)
        is_bare = isinstance(content, list)
        rows = content if is_bare else content["data"]
        if behaviour.alter:
            rows = behaviour.alter(request, rows)
        if behaviour.new_fields:
            rows = altered.with_new_fields(rows)
        if behaviour.documented_forms:
            rows = altered.as_documented(path, rows)
        content = rows if is_bare else {**content, "data": rows}
        if behaviour.analytics_page_keys and request.method == "POST" and "/analytics/" in path:
            content = altered.with_a_page_key(content)
        return msgspec.json.encode(content)

    async def _leave(self, seconds, receive, send):
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


async def _whole(app, scope, receive):
    """Give the start and the whole body of an application's response, not compressed."""
    messages = []

    async def keep(message):
        messages.append(message)

    plain = [header for header in scope["headers"] if header[0] != b"accept-encoding"]
    await app({**scope, "headers": plain}, receive, keep)
    start, *parts = messages
    return start, b"".join(part.get("body", b"") for part in parts)


def intervals(query):
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


def _milliseconds(text):
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _is_among(path, beginnings):
    """Whether a path begins with one of several, whatever version either names."""
    return any(_without_version(path).startswith(_without_version(one)) for one in beginnings)


def _without_version(path):
    return path.removeprefix("/v1").removeprefix("/beta")


def _transport(send):
    """Give the connection of a response: ASGI has no message that breaks it."""
    return send.__self__.transport  # type: ignore[attr-defined]

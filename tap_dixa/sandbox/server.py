"""The sandbox's HTTP side: both exports, with Dixa's authentication, limits and answers.

The dev API's side is in `api`, and what Dixa does not have is in `control`.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from tap_dixa.sandbox import control
from tap_dixa.sandbox.api import Api
from tap_dixa.sandbox.behaviour import Behaviour
from tap_dixa.sandbox.bodies import as_json, squeezed
from tap_dixa.sandbox.dataset import TIMES, DataSet
from tap_dixa.sandbox.faults import TRANSPORT, Away, BrokenAnswer, Fault, Odd, Refusal, reset
from tap_dixa.sandbox.filters import BadQueryError, ids, intervals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

_MINUTE = 60.0


class Sandbox:
    """A local Dixa on a loopback port. A context manager: it serves while it is entered.

    Args:
        data: What it serves.
        behaviour: How it behaves.
        port: The port to listen on; 0 for any free one.
    """

    def __init__(self, data: DataSet, behaviour: Behaviour | None = None, port: int = 0) -> None:
        self.data = data
        self.behaviour = behaviour or Behaviour()
        self.answered: list[tuple[str, dict[str, str], int]] = []
        """Path, query and status of every request to either API so far."""
        self.arrived: list[float] = []
        """When each export request came, by the monotonic clock, in seconds."""
        self._recent: deque[float] = deque()
        self._socket = socket.create_server(("127.0.0.1", port))
        self._address = self._socket.getsockname()
        scheme = "https" if self.behaviour.certificate else "http"
        self.url = f"{scheme}://127.0.0.1:{self._address[1]}"
        """Where it listens."""
        app = Starlette(
            routes=[
                Route("/v1/conversation_export", self._conversation_export),
                Route("/v1/message_export", self._message_export),
                *Api(data, self.behaviour, self.answered).routes,
                *control.routes(data),
            ],
            exception_handlers={HTTPException: _refuse},
        )

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            # Faults break connections off, for which HTTP has no polite way.
            transport = send.__self__.transport  # type: ignore[attr-defined]
            await app({**scope, TRANSPORT: transport}, receive, send)

        config = uvicorn.Config(
            with_transport,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ssl_certfile=self.behaviour.certificate,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join()
        self._socket.close()

    def wait(self) -> None:
        """Serve until the process is interrupted."""
        self._thread.join()

    def away(self, seconds: float) -> ASGIApp:
        """Make an application that resets its connection and stops listening for a while."""

        async def leave(scope: Scope, receive: Receive, _: Send) -> None:
            for server in self._server.servers:
                server.close()
            reset(scope[TRANSPORT])
            await asyncio.sleep(seconds)
            self._socket = socket.create_server(self._address)
            await self._server.startup(sockets=[self._socket])
            while (await receive())["type"] != "http.disconnect":
                pass

        return leave

    def _conversation_export(self, request: Request) -> ASGIApp:
        with _Audit(self, request) as audit:
            fault = self._admit(request)
            wanted = ids(request.query_params)
            filters = intervals(request.query_params, TIMES, self.behaviour.bounds)
            if wanted is None and not filters:
                raise BadQueryError(
                    f"a pair of filters is needed, such as {TIMES[1]}_after/_before"
                )
            return audit.export(self.data.conversations(dict(filters), wanted), fault)

    def _message_export(self, request: Request) -> ASGIApp:
        with _Audit(self, request) as audit:
            fault = self._admit(request)
            filters = intervals(request.query_params, ("created",), self.behaviour.bounds)
            if not filters:
                raise BadQueryError("created_after and created_before are needed")
            created = filters["created"]
            records = self.data.messages(created, created.after, created.before)
            return audit.export(records, fault)

    def _admit(self, request: Request) -> Fault | None:
        token = self.behaviour.token
        basic = base64.b64encode(f"bearer:{token}".encode()).decode()
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if (scheme.lower(), secret) not in {("bearer", token), ("basic", basic)}:
            raise HTTPException(401, "Invalid or missing credentials")
        limit, now = self.behaviour.requests_per_minute, time.monotonic()
        while self._recent and self._recent[0] <= now - _MINUTE:
            self._recent.popleft()
        if limit and len(self._recent) >= limit:
            raise HTTPException(429, "API limit has been reached")
        self._recent.append(now)
        time.sleep(self.behaviour.seconds)
        return self.behaviour.faults.popleft() if self.behaviour.faults else None


class _Audit:
    """Answers one request and notes how."""

    def __init__(self, sandbox: Sandbox, request: Request) -> None:
        self._sandbox = sandbox
        self._request = request
        self._status = 500

    def __enter__(self) -> Self:
        self._sandbox.arrived.append(time.monotonic())
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, BadQueryError):
            error = HTTPException(400, str(error))
        if isinstance(error, HTTPException):
            self._status = error.status_code
        query = dict(self._request.query_params)
        self._sandbox.answered.append((self._request.url.path, query, self._status))
        if error is not None:
            raise error

    def export(self, records: Iterable[dict[str, Any]], fault: Fault | None) -> ASGIApp:
        if isinstance(fault, Refusal):
            self._status = fault.status
            return fault
        self._status = 200
        if isinstance(fault, Away):
            return self._sandbox.away(fault.seconds)
        body = as_json(fault.among(records) if isinstance(fault, Odd) else records)
        if isinstance(fault, BrokenAnswer):
            return fault.answering(body)
        headers = {"Content-Type": "application/json"}
        accepted = self._request.headers.get("Accept-Encoding", "").replace(" ", "")
        if "gzip" in accepted and "gzip;q=0" not in accepted:
            headers["Content-Encoding"] = "gzip"
            body = squeezed(body)
        return StreamingResponse(body, headers=headers)


def _refuse(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = error.detail if isinstance(error, HTTPException) else "Internal error"
    return JSONResponse({"message": message}, status_code=status)

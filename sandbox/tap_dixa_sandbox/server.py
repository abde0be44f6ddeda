"""The sandbox's HTTP server. `exports_api` and `dixa_api` have its routes.

Two more change a running sandbox; Dixa has nothing like them. ``curl -X POST
$TAP_DIXA_DIXA_API_URL/sandbox/anonymize/CSID`` anonymizes the conversation with that id, now: 204
if there is one, 404 if not. ``/sandbox/redact/CSID/ID`` redacts one of its messages. Neither needs
a token: the port is local.
"""

import asyncio
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tap_dixa_sandbox import recorded
from tap_dixa_sandbox.behaviour import Behaviour
from tap_dixa_sandbox.contents import not_found
from tap_dixa_sandbox.dataset import DataSet
from tap_dixa_sandbox.dixa_api import DixaApi
from tap_dixa_sandbox.exports_api import ExportsApi


class Sandbox:
    """A local Dixa on a loopback port. A context manager: it serves while it is entered.

    Args:
        data: The data that it serves.
        behaviour: How it behaves.
        port: The port to listen on; 0 for any free one.
        shapes: A file that is served in place of the data.
    """

    def __init__(
        self, data: DataSet, behaviour: Behaviour, port: int = 0, shapes: Path | None = None
    ) -> None:
        self.data = data
        self.behaviour = behaviour
        self._starlette = Starlette(
            routes=list(recorded.routes(shapes, data.now()))
            if shapes
            else [
                *ExportsApi(data, self.behaviour).routes,
                *DixaApi(data, self.behaviour).routes,
                _changing("/sandbox/anonymize/{csid:int}", data.anonymize),
                _changing("/sandbox/redact/{csid:int}/{message_id}", data.redact),
            ],
            exception_handlers={HTTPException: _refuse},
        )
        self.app: ASGIApp = self._with_date
        """What responds to requests. Tests put an application in front of it."""
        self._socket = listen(("127.0.0.1", port))
        self._address = self._socket.getsockname()
        self.url = f"http://127.0.0.1:{self._address[1]}"
        """Its address."""
        config = uvicorn.Config(
            self._serve,
            interface="asgi3",
            log_level="warning",
            access_log=False,
            lifespan="off",
            date_header=False,
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

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except asyncio.CancelledError:  # the sandbox stops before it has responded
            send.__self__.transport.abort()  # type: ignore[attr-defined]
            await asyncio.sleep(0)  # so that the server notices

    async def _with_date(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_date(message: Message) -> None:
            if message["type"] == "http.response.start":
                now = datetime.fromtimestamp(self.data.now() / 1000, UTC)
                date = format_datetime(now, usegmt=True).encode()
                message["headers"] = [*message["headers"], (b"date", date)]
            await send(message)

        await self._starlette(scope, receive, send_with_date)


def listen(address: tuple[str, int]) -> socket.socket:
    """Open a listening socket."""
    server = socket.create_server(address)
    # Connections inherit it. Otherwise the second part of a response waits 40 ms for the first.
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return server


def _changing(path: str, change: Callable[..., None]) -> Route:
    def respond(request: Request) -> Response:
        with not_found():
            change(**request.path_params)
        return Response(status_code=204)

    return Route(path, respond, methods=["POST"])


def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 (Starlette types handlers for any error)
    return JSONResponse({"message": error.detail}, status_code=error.status_code)

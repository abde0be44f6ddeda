"""The sandbox's HTTP server. `exports_api`, `dixa_api` and `control` have its routes."""

from __future__ import annotations

import asyncio
import socket
import threading
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Self

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from tap_dixa_sandbox import control
from tap_dixa_sandbox.behaviour import Behaviour
from tap_dixa_sandbox.dixa_api import DixaApi
from tap_dixa_sandbox.exports_api import ExportsApi
from tap_dixa_sandbox.faults import TRANSPORT, reset

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tap_dixa_sandbox.dataset import DataSet


class Sandbox:
    """A local Dixa on a loopback port. A context manager: it serves while it is entered.

    Args:
        data: The data that it serves.
        behaviour: How it behaves.
        port: The port to listen on; 0 for any free one.
    """

    def __init__(self, data: DataSet, behaviour: Behaviour | None = None, port: int = 0) -> None:
        self.data = data
        self.behaviour = behaviour or Behaviour()
        self.answered: list[tuple[str, dict[str, str], int]] = []
        """Path, query and status of every response of either API so far, in order."""
        self.arrived: list[float] = []
        """When each export request arrived, by the monotonic clock, in seconds."""
        self._socket = _listen(("127.0.0.1", port))
        self._address = self._socket.getsockname()
        scheme = "https" if self.behaviour.certificate else "http"
        self.url = f"{scheme}://127.0.0.1:{self._address[1]}"
        """Its address."""
        exports = ExportsApi(data, self.behaviour, self.arrived, self.answered, self.away)
        app = Starlette(
            routes=[
                *exports.routes,
                *DixaApi(data, self.behaviour, self.answered).routes,
                *control.routes(data),
            ],
            exception_handlers={HTTPException: _refuse},
        )

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            # Faults break connections, which ASGI has no message for.
            transport = send.__self__.transport  # type: ignore[attr-defined]

            async def send_with_date(message: Message) -> None:
                if message["type"] == "http.response.start":
                    now = datetime.fromtimestamp((self.behaviour.date or data.now)() / 1000, UTC)
                    date = format_datetime(now, usegmt=True).encode()
                    message["headers"] = [*message["headers"], (b"date", date)]
                await send(message)

            try:
                await app({**scope, TRANSPORT: transport}, receive, send_with_date)
            except asyncio.CancelledError:  # the sandbox stops before it has responded
                transport.abort()
                await asyncio.sleep(0)  # so that the server notices

        config = uvicorn.Config(
            with_transport,
            log_level="warning",
            access_log=False,
            lifespan="off",
            date_header=False,
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
            loop = asyncio.get_running_loop()
            for server in self._server.servers:
                for listening in server.sockets:
                    loop.remove_reader(listening.fileno())
            # A connection that is just being accepted would otherwise never get a response.
            await asyncio.sleep(0)
            for server in self._server.servers:
                server.close()
            reset(scope[TRANSPORT])
            await asyncio.sleep(seconds)
            self._socket = _listen(self._address)
            await self._server.startup(sockets=[self._socket])
            while (await receive())["type"] != "http.disconnect":
                pass

        return leave


def _listen(address: tuple[str, int]) -> socket.socket:
    server = socket.create_server(address)
    # Connections inherit it. Otherwise the second part of a response waits 40 ms for the first.
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return server


def _refuse(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = error.detail if isinstance(error, HTTPException) else "Internal error"
    return JSONResponse({"message": message}, status_code=status)

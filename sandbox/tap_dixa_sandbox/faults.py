"""Faults between a client and Dixa, and the plan of when they happen.

A plan is a list with one entry for each export request, in order; null is a normal response. As
JSON, an entry names its kind: ``{"fault": "refusal", "status": 503}``.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.types import ASGIApp, Receive, Scope, Send


TRANSPORT = "tap_dixa.transport"
"""The key of the connection in a request's scope, an asyncio transport."""


class Refusal(msgspec.Struct, frozen=True, tag_field="fault", tag="refusal"):
    """A response that is not an export: usually a status other than 200."""

    status: int
    headers: dict[str, str] = {}
    body: str = ""
    """A lone surrogate from U+DC80 on is a byte that is not UTF-8: ``\\udcff``."""

    @classmethod
    def with_message(cls, status: int, message: str) -> Refusal:
        """Make one with a body as Dixa's."""
        body = msgspec.json.encode({"message": message}).decode()
        return cls(status, {"Content-Type": "application/json"}, body)

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        """Send it."""
        body = self.body.encode("utf-8", "surrogateescape")
        headers = {"Content-Length": str(len(body)), **self.headers}
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": encoded})
        await send({"type": "http.response.body", "body": body})


class BrokenResponse(msgspec.Struct, frozen=True, tag_field="fault", tag="broken"):
    """A response that starts normally and then fails."""

    ending: Literal["reset", "hangup", "stop", "stall"]
    """``reset``: the connection is reset. ``hangup``: it is closed where more was announced.
    ``stop``: all of HTTP is in order, but half of the array is missing. ``stall``: nothing
    more comes."""
    after: int = 0
    """How many bytes of the body come before that; if negative, how many are missing."""
    framing: Literal["chunked", "length", "none"] = "chunked"
    """How the end of the response is marked. ``none``: by closing the connection, so that only
    the missing end of the array shows that something is missing."""
    packed: bool = False
    """Whether the body is compressed with gzip."""
    head: bool = True
    """Whether the status and the headers come at all."""

    def responding(self, body: Iterable[bytes]) -> ASGIApp:
        """Make an application that sends the beginning of a body."""

        async def respond(scope: Scope, receive: Receive, _: Send) -> None:
            whole = await run_in_threadpool(b"".join, body)
            if self.packed:
                whole = gzip.compress(whole, 1)
            transport = scope[TRANSPORT]
            transport.write(self._text(whole))
            if self.ending == "reset":
                await asyncio.sleep(0.05)  # so that the bytes before it arrive
                reset(transport)
            elif self.ending != "stall":
                transport.close()
            while (await receive())["type"] != "http.disconnect":
                pass

        return respond

    def _text(self, whole: bytes) -> bytes:
        if not self.head:
            return b""
        part = whole[: self.after]
        length = len(part) if self.ending == "stop" else len(whole)
        lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", "Connection: close"]
        if self.packed:
            lines.append("Content-Encoding: gzip")
        if self.framing == "length":
            lines.append(f"Content-Length: {length}")
        elif self.framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
            part = b"%x\r\n%b\r\n" % (len(part), part) if part else b""
            part += b"0\r\n\r\n" if self.ending == "stop" else b""
        return "\r\n".join([*lines, "", ""]).encode() + part


class Away(msgspec.Struct, frozen=True, tag_field="fault", tag="away"):
    """The request's connection is reset, and no new ones are accepted for a while."""

    seconds: float
    """How long."""


class Odd(msgspec.Struct, frozen=True, tag_field="fault", tag="odd"):
    """A normal response with something unusual among its records."""

    text: str
    """What to insert after the first record, between commas. It need not be JSON. A lone
    surrogate from U+DC80 on is a byte that is not UTF-8: ``\\udcff``."""

    def among(self, records: Iterable[dict[str, Any]]) -> Iterator[Any]:
        """Insert it after the first record."""
        each = iter(records)
        odd = msgspec.Raw(self.text.encode("utf-8", "surrogateescape"))
        return chain(islice(each, 1), [odd], each)


Fault = Refusal | BrokenResponse | Away | Odd


def read_plan(text: str) -> list[Fault | None]:
    """Read a plan that is written as JSON.

    Raises:
        msgspec.DecodeError: It is not a plan. The message has the position.
    """
    return msgspec.json.decode(text, type=list[Fault | None])


def reset(transport: Any) -> None:
    """Reset a connection, so that the other side does not see a normal end."""
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()

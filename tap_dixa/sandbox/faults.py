"""Things that go wrong between a client and Dixa, and the plan that says when.

A plan is a list: its first entry is what the first export request gets, and so on; null stands
for a proper answer. As JSON, an entry names its kind: ``{"fault": "refusal", "status": 503}``.
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
"""Where a request's scope holds the connection itself, an asyncio transport."""


class Refusal(msgspec.Struct, frozen=True, tag_field="fault", tag="refusal"):
    """Another answer than an export: usually a status other than 200."""

    status: int
    headers: dict[str, str] = {}
    body: str = ""

    @classmethod
    def with_message(cls, status: int, message: str) -> Refusal:
        """Make one with a body as Dixa's."""
        body = msgspec.json.encode({"message": message}).decode()
        return cls(status, {"Content-Type": "application/json"}, body)

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        """Send it."""
        body = self.body.encode()
        headers = {"Content-Length": str(len(body)), **self.headers}
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": encoded})
        await send({"type": "http.response.body", "body": body})


class BrokenAnswer(msgspec.Struct, frozen=True, tag_field="fault", tag="broken"):
    """An answer that begins well and does not end well."""

    ending: Literal["reset", "hangup", "stop", "stall"]
    """``reset``: the connection is reset. ``hangup``: it is closed where more was announced.
    ``stop``: all of HTTP is in order, but half of the array is missing. ``stall``: nothing
    more comes."""
    after: int = 0
    """How many bytes of the body come before that; if negative, how many are missing."""
    framing: Literal["chunked", "length", "none"] = "chunked"
    """How the answer tells where it ends. ``none``: by closing the connection, so that only
    the missing end of the array shows that more was to come."""
    packed: bool = False
    """Whether the body is compressed with gzip."""
    head: bool = True
    """Whether the status and the headers come at all."""

    def answering(self, body: Iterable[bytes]) -> ASGIApp:
        """Make an application that sends the beginning of a body."""

        async def answer(scope: Scope, receive: Receive, _: Send) -> None:
            whole = await run_in_threadpool(b"".join, body)
            if self.packed:
                whole = gzip.compress(whole, 1)
            transport = scope[TRANSPORT]
            transport.write(self._text(whole))
            if self.ending == "reset":
                await asyncio.sleep(0.05)  # what came before it is to arrive
                reset(transport)
            elif self.ending != "stall":
                transport.close()
            while (await receive())["type"] != "http.disconnect":
                pass

        return answer

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
    """The server is gone: the request's connection is reset, and no new ones are accepted."""

    seconds: float
    """How long."""


class Odd(msgspec.Struct, frozen=True, tag_field="fault", tag="odd"):
    """A proper answer with something odd among its records."""

    text: str
    """What stands in the array, after its first record, separated by commas. It need not be
    JSON. A lone surrogate from U+DC80 on stands for a byte that is no UTF-8: ``\\udcff``."""

    def among(self, records: Iterable[dict[str, Any]]) -> Iterator[Any]:
        """Put it among the records."""
        each = iter(records)
        odd = msgspec.Raw(self.text.encode("utf-8", "surrogateescape"))
        return chain(islice(each, 1), [odd], each)


Fault = Refusal | BrokenAnswer | Away | Odd


def read_plan(text: str) -> list[Fault | None]:
    """Read a plan that is written as JSON.

    Raises:
        msgspec.DecodeError: It is no plan. The message says where.
    """
    return msgspec.json.decode(text, type=list[Fault | None])


def reset(transport: Any) -> None:
    """Break a connection off, so that the other side sees a reset and not an end."""
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()

"""Faults between the tap and Dixa, which a sandbox has in answer to single requests."""

import asyncio
import gzip
import json
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import msgspec


@dataclass(frozen=True, slots=True)
class Refusal:
    """A response of a test's own: usually a status other than 200."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    """A lone surrogate from U+DC80 on is a byte that is not UTF-8: ``\\udcff``."""

    @classmethod
    def with_message(cls, status, message):
        """Make one with a body as Dixa's."""
        body = json.dumps({"message": message})
        return cls(status, {"Content-Type": "application/json"}, body)

    async def respond(self, send):
        body = self.body.encode("utf-8", "surrogateescape")
        headers = {"Content-Length": str(len(body)), **self.headers}
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": encoded})
        await send({"type": "http.response.body", "body": body})


def page_of(rows, link=None):
    """Make a page of a list, with a link to the next one."""
    meta = {} if link is None else {"meta": {"next": link}}
    return Refusal(200, body=json.dumps({"data": rows, **meta}))


@dataclass(frozen=True, slots=True)
class BrokenResponse:
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

    async def respond(self, body, receive, transport):
        """Send the beginning of a body on a connection, and wait for the client to go away."""
        transport.write(self._text(gzip.compress(body, 1) if self.packed else body))
        if self.ending == "reset":
            await asyncio.sleep(0.05)  # so that the bytes before it arrive
            reset(transport)
        elif self.ending != "stall":
            transport.close()
        await disconnected(receive)

    def _text(self, whole):
        if not self.head:
            return b""
        sent = whole[: self.after]
        length = len(sent) if self.ending == "stop" else len(whole)
        lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", "Connection: close"]
        if self.packed:
            lines.append("Content-Encoding: gzip")
        if self.framing == "length":
            lines.append(f"Content-Length: {length}")
        elif self.framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
            sent = b"%x\r\n%b\r\n" % (len(sent), sent) if sent else b""
            sent += b"0\r\n\r\n" if self.ending == "stop" else b""
        return "\r\n".join([*lines, "", ""]).encode() + sent


@dataclass(frozen=True, slots=True)
class Away:
    """The request's connection is reset, and no new ones are accepted for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Odd:
    """A normal response of an export with something unusual among its records."""

    text: str
    """What to insert after the first record, between commas. It need not be JSON. A lone
    surrogate from U+DC80 on is a byte that is not UTF-8: ``\\udcff``."""

    def among(self, body):
        """Insert it into an array."""
        records = msgspec.json.decode(body, type=list[msgspec.Raw])
        records.insert(1, msgspec.Raw(self.text.encode("utf-8", "surrogateescape")))
        return msgspec.json.encode(records)


Fault = Refusal | BrokenResponse | Away | Odd


def reset(transport):
    """Reset a connection, so that the other side does not see a normal end."""
    linger = struct.pack("ii", 1, 0)
    with suppress(OSError):  # the other side was killed
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()


async def disconnected(receive):
    """Wait for the client to go away."""
    while (await receive())["type"] != "http.disconnect":
        pass

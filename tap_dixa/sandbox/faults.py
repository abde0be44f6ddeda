"""Things that go wrong between a client and Dixa, to be sent instead of a proper answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status other than 200, with whatever comes with it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        """Send it."""
        body = self.body.encode()
        headers = {"Content-Length": str(len(body)), **self.headers}
        await _begin(send, self.status, headers)
        await send({"type": "http.response.body", "body": body})


@dataclass(frozen=True, slots=True)
class BrokenAnswer:
    """An answer that begins well and does not end well."""

    ending: Literal["cut", "close", "stall"]
    """``cut``: the connection breaks. ``close``: the answer ends properly, with half of its
    array missing. ``stall``: nothing more comes."""
    after: int = 0
    """How many bytes come before that."""
    declared: bool = False
    """Whether the answer says how long it is going to be."""

    def answering(self, body: Iterable[bytes]) -> ASGIApp:
        """Make an application that sends the beginning of a body, not compressed."""
        whole = b"".join(body)

        async def answer(_: Scope, __: Receive, send: Send) -> None:
            await self._send(whole, send)

        return answer

    async def _send(self, whole: bytes, send: Send) -> None:
        headers = {"Content-Type": "application/json"}
        if self.declared:
            headers["Content-Length"] = str(len(whole))
        await _begin(send, 200, headers)
        await send(
            {"type": "http.response.body", "body": whole[: self.after], "more_body": True},
        )
        if self.ending == "close":
            await send({"type": "http.response.body", "body": b""})
        elif self.ending == "stall":
            await asyncio.sleep(3600)
        else:
            _transport(send).abort()


Fault = Refusal | BrokenAnswer


async def _begin(send: Send, status: int, headers: Mapping[str, str]) -> None:
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})


def _transport(send: Send) -> Any:
    """Give the connection itself: HTTP has no polite way to break off."""
    return send.__self__.transport  # type: ignore[attr-defined]

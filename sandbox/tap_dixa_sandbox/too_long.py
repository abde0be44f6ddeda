"""Responses to requests for more time than the sandbox has been told to serve at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_dixa_sandbox.faults import BrokenResponse, Refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from tap_dixa_sandbox.behaviour import TooLong

_DAY = 86_400_000
_MARGINS = 2_000
"""How much longer than a window the tap's request for it is, in ms: a second on each side."""
_MESSAGES = {
    "504": "Endpoint request timed out",
    "500": "Internal error",
    "400": "The requested interval is too long",
    "413": "The response is too large",
}


def is_too_long(after: int, before: int, longest_days: float | None, rounded: int = 0) -> bool:
    """Whether an interval is longer than so many days, without the tap's margins.

    Args:
        after: Where it starts, in Unix ms.
        before: Where it ends.
        longest_days: The limit, if there is one.
        rounded: How much longer it may be because its ends are rounded, in ms.
    """
    return longest_days is not None and before - after - _MARGINS - rounded > longest_days * _DAY


def too_long(kind: TooLong, body: bytes) -> ASGIApp:
    """Make the response to a request for too much.

    Args:
        kind: How it fails.
        body: What would be the response.
    """
    if kind == "hang":
        return BrokenResponse("stall", head=False).responding([])
    if kind == "cut":
        return BrokenResponse("hangup", after=len(body) // 2).responding([body])
    return Refusal.with_message(int(kind), _MESSAGES[kind])

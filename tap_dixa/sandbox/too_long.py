"""Responses to requests for more time than the sandbox has been told to serve at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_dixa.sandbox.faults import BrokenResponse, Refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from tap_dixa.sandbox.behaviour import TooLong

_DAY = 86_400_000
_MARGINS = 4_000
"""How much longer than a window the tap's request for it is at most, in ms: a second on each side,
and for the activity log up to another one to make it whole."""
_MESSAGES = {
    "504": "Endpoint request timed out",
    "500": "Internal error",
    "400": "The requested interval is too long",
    "413": "The response is too large",
}


def is_too_long(after: int, before: int, longest_days: float | None) -> bool:
    """Whether an interval in Unix ms is longer than so many days, without the tap's margins."""
    return longest_days is not None and before - after - _MARGINS > longest_days * _DAY


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

"""How a sandbox behaves where Dixa is not documented, or where a test wants it to fail."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_dixa.sandbox.filters import Bounds

if TYPE_CHECKING:
    from pathlib import Path

    from tap_dixa.sandbox.activitylog import Order
    from tap_dixa.sandbox.faults import Fault


@dataclass(slots=True)
class Behaviour:
    """What a sandbox can be told to do its own way."""

    token: str = "sandbox-token"  # noqa: S105 (it opens nothing)
    """The one token that is let in."""
    requests_per_minute: int = 10
    """The exports' rate limit for the token, over both of them; 0 for none."""
    bounds: Bounds = field(default_factory=Bounds)
    """How the time filters treat their own values."""
    seconds: float = 0.0
    """How long each export takes before its first byte."""
    faults: deque[Fault | None] = field(default_factory=deque)
    """What the next export requests get, one each, in order; None for a proper answer."""
    certificate: Path | None = None
    """A file with a certificate and its key (PEM), to serve https with."""
    api_faults: deque[Fault | None] = field(default_factory=deque)
    """The same for the dev API."""
    requests_per_second: float = 10
    """The dev API's rate limit for the token, over all of it; 0 for none."""
    burst: int = 4
    """How many of these may come at once."""
    forbidden: dict[str, int] = field(default_factory=dict)
    """What the token may not see of the dev API: beginnings of paths, and the status to say so."""
    activity_order: Order = "descending"
    """The order of the whole activity log, over all of its pages."""

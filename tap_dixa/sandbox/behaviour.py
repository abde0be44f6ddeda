"""How a sandbox behaves where Dixa is not documented, or where a test wants it to fail."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tap_dixa.sandbox.filters import Bounds

if TYPE_CHECKING:
    from pathlib import Path

    from tap_dixa.sandbox.activity_log import Order
    from tap_dixa.sandbox.faults import Fault

TooLong = Literal["504", "500", "400", "413", "cut", "hang"]


@dataclass(slots=True)
class Behaviour:
    """What a sandbox can be told to do its own way."""

    token: str = "sandbox-token"  # noqa: S105 (it opens nothing)
    """The one token that is let in."""
    requests_per_minute: int = 10
    """The exports' rate limit for the token, over both of them; 0 for none."""
    bounds: Bounds = field(default_factory=Bounds)
    """How the time filters treat their own values."""
    latency: float = 0.0
    """How long each export takes before its first byte, in seconds. Requests overlap."""
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
    longest_export_days: float | None = None
    """The longest interval that is exported, in days, without the second that the tap requests
    more on both sides; None for 31 days."""
    too_long: TooLong = "504"
    """What a longer export gets: a status, a body cut in the middle, or no response at all."""
    new_fields: bool = False
    """Whether all records and rows have unknown fields, as `new_fields` describes."""
    out_of_place: int = 0
    """How many extra records from outside the requested interval each export has."""
    missing: set[str] = field(default_factory=set)
    """Beginnings of paths of either API that respond with 404, under ``/beta`` too."""
    beta_only: set[str] = field(default_factory=set)
    """Beginnings of paths of the Dixa API, such as ``/v1/agents``, that exist under ``/beta``
    alone."""

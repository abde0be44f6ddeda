"""How a sandbox behaves where Dixa is not documented, or where a test wants it to fail."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tap_dixa_sandbox.filters import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tap_dixa_sandbox.activity_log import Order
    from tap_dixa_sandbox.faults import Fault

TooLong = Literal["504", "500", "400", "413", "cut", "hang"]


@dataclass(slots=True)
class Behaviour:
    """How a sandbox behaves. The defaults are what is known of Dixa."""

    token: str = "sandbox-token"  # noqa: S105 (it opens nothing)
    """The only token that is accepted."""
    requests_per_minute: int = 10
    """The exports' rate limit for the token, over both of them; 0 for none."""
    bounds: Bounds = field(default_factory=Bounds)
    """Whether the time filters include their bounds."""
    latency: float = 0.0
    """Seconds that each export takes before its first byte. Requests overlap."""
    date: Callable[[], int] | None = None
    """What the Date header shows, in Unix ms; None for when the data ends, its now."""
    faults: deque[Fault | None] = field(default_factory=deque)
    """The faults of the next export requests, in order; None for a normal response."""
    certificate: Path | None = None
    """A file with a certificate and its key (PEM), to serve https with."""
    api_faults: deque[Fault | None] = field(default_factory=deque)
    """The same for the Dixa API."""
    requests_per_second: float = 10
    """The Dixa API's rate limit for the token, over all of it; 0 for none."""
    burst: int = 4
    """How many of these requests may come at once."""
    forbidden: dict[str, int] = field(default_factory=dict)
    """Beginnings of paths of the Dixa API without access for the token, and their status."""
    activity_order: Order = "descending"
    """The order of the whole activity log, over all of its pages."""
    longest_export_days: float | None = None
    """The longest interval that is exported, in days, without the second that the tap requests
    more on both sides; None for 31 days."""
    longest_query_days: float | None = None
    """The same for the activity log and the records of the Analytics and the Intelligence API;
    None for no limit."""
    too_long: TooLong = "504"
    """What asks for longer gets: a status, a body cut in the middle, or no response at all."""
    new_fields: bool = False
    """Whether all records and rows have unknown fields, as `new_fields` describes."""
    documented_forms: bool = False
    """Whether records are as Dixa's newest pages show them, as `documented_forms` describes."""
    out_of_place: int = 0
    """How many extra records from outside the requested interval each export has."""
    missing: set[str] = field(default_factory=set)
    """Beginnings of paths of either API that respond with 404, under ``/beta`` too."""
    analytics_filters: bool = False
    """Whether the Analytics API refuses a query for records without a filter."""
    analytics_page_keys: bool = False
    """Whether a page of the Analytics API's records has a `pageKey`, and not a link in `meta`."""
    beta_only: set[str] = field(default_factory=set)
    """Beginnings of paths of the Dixa API, such as ``/v1/agents``, that exist under ``/beta``
    alone."""

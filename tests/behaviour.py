"""How a sandbox behaves where a test wants it to fail, or to be unusual."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from starlette.requests import Request

from tap_dixa_sandbox import behaviour as usual
from tests.faults import Fault


@dataclass(slots=True)
class Behaviour(usual.Behaviour):
    """The behaviour of a `FaultySandbox`. The defaults are what is known of Dixa."""

    faults: deque[Fault | None] = field(default_factory=deque)
    """The faults of the next export requests, in order; None for a normal response."""
    api_faults: deque[Fault | None] = field(default_factory=deque)
    """The same for the Dixa API."""
    draw: Callable[[str], Fault | None] | None = None
    """Draws the fault of each request, a path with its query, in place of these two."""
    alter: Callable[[Request, Any], Any] | None = None
    """Changes the rows of each response."""
    latency: float = 0.0
    """Seconds that each export takes before its first byte. Requests overlap."""
    date: Callable[[], int] | None = None
    """What the Date header shows, in Unix ms; None for when the data ends, its now."""
    certificate: Path | None = None
    """A file with a certificate and its key (PEM), to serve https with."""
    forbidden: dict[str, int] = field(default_factory=dict)
    """Beginnings of paths of the Dixa API without access for the token, and their status."""
    missing: set[str] = field(default_factory=set)
    """Beginnings of paths of either API that respond with 404, under ``/beta`` too."""
    beta_only: set[str] = field(default_factory=set)
    """Beginnings of paths of the Dixa API, such as ``/v1/agents``, that exist under ``/beta``
    alone."""
    longest_export_days: float | None = None
    """The longest interval that is exported, in days, without the second that the tap requests
    more on both sides; None for 31 days."""
    longest_query_days: float | None = None
    """The same for the activity log and the records of the Analytics and the Intelligence API;
    None for no limit."""
    too_long: Literal["504", "500", "400", "413", "cut", "hang"] = "504"
    """What asks for longer gets: a status, a body cut in the middle, or no response at all."""
    new_fields: bool = False
    """Whether all records and rows have fields that no schema has."""
    documented_forms: bool = False
    """Whether records are as Dixa's newest pages show them."""
    analytics_filters: bool = False
    """Whether the Analytics API refuses a query for records without a filter."""
    analytics_page_keys: bool = False
    """Whether a page of the Analytics API's records has a `pageKey`, and not a link in `meta`."""

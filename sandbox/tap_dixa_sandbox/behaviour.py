"""How a sandbox behaves: its token, its limits, and what Dixa does not document."""

from dataclasses import dataclass, field

from tap_dixa_sandbox.activity_log import Order
from tap_dixa_sandbox.filters import Bounds


@dataclass(slots=True)
class Behaviour:
    """How a sandbox behaves. The defaults are what is known of Dixa."""

    token: str = "sandbox-token"  # noqa: S105 (it opens nothing)
    """The only token that is accepted."""
    requests_per_minute: int = 10
    """The exports' rate limit for the token, over both of them; 0 for none."""
    requests_per_second: float = 10
    """The Dixa API's rate limit for the token, over all of it; 0 for none."""
    burst: int = 4
    """How many of these requests may come at once."""
    bounds: Bounds = field(default_factory=Bounds)
    """Whether the time filters include their bounds."""
    activity_order: Order = "descending"
    """The order of the whole activity log, over all of its pages."""

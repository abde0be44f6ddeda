"""What a target must hold after runs that emit again what Dixa erased."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests import expected
from tests.end_to_end import checks
from tests.end_to_end.everything import unnoted

if TYPE_CHECKING:
    from tap_dixa_sandbox.server import Sandbox
    from tests.conftest import Run

LOG = "/v1/conversations/activitylog"


def entries(sandbox: Sandbox) -> dict[Any, dict]:
    """Give every entry as the tap must emit it, by id, without its requests being noted."""
    with unnoted(sandbox) as client:
        rows = client.everything(LOG, pageLimit=10_000)
    return {row["id"]: expected.api_record(row) for row in rows}


def log_is_fresh(sandbox: Sandbox, *runs: Run) -> None:
    checks.loaded_exactly("activity_logs", entries(sandbox), *runs)


def messages_are_fresh(sandbox: Sandbox, *runs: Run) -> None:
    checks.loaded_exactly("messages", expected.records(sandbox.data, "messages"), *runs)

"""Run the job of meltano.yml every hour with Dagster.

Usage, from the checkout: dagster dev --python-file examples/dagster_hourly.py
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import dagster as dg

PROJECT = Path(__file__).parents[1]
COMMAND = "uv run --group try meltano run dixa-to-duckdb"


@dg.op(pool="dixa")
def sync() -> None:
    """Sync once. Meltano's log is the step's log.

    Raises:
        Failure: Meltano exited with a status other than 0.
    """
    with subprocess.Popen(COMMAND.split(), cwd=PROJECT) as meltano:
        try:
            status = meltano.wait()
        finally:
            meltano.terminate()  # if Dagster interrupts the wait; the tap then stops cleanly
    if status:
        raise dg.Failure(f"Meltano ended with status {status}")


@dg.job
def dixa() -> None:
    """Load what changed in Dixa into the warehouse."""
    sync()


hourly = dg.ScheduleDefinition(
    job=dixa, cron_schedule="7 * * * *", default_status=dg.DefaultScheduleStatus.RUNNING
)

defs = dg.Definitions(jobs=[dixa], schedules=[hourly])

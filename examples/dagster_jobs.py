"""Run the jobs of meltano.yml with Dagster: one every hour, the other once a day.

Usage, from the checkout, with Dagster in an environment of its own, and `uv` on its PATH:
dagster dev --python-file examples/dagster_jobs.py

A failed run fails the step. Both ops are in the pool `dixa`: set its limit to 1 in `dagster.yaml`,
so that a run waits for the other. *Terminate* sends SIGTERM to Meltano, which passes it on.
"""

import subprocess
from pathlib import Path

import dagster as dg

PROJECT = Path(__file__).parents[1]
COMMAND = "uv run --group meltano meltano run"


def run(job: str) -> None:
    """Run a job of meltano.yml. Meltano's log is the step's log.

    Raises:
        Failure: Meltano exited with a status other than 0.
    """
    with subprocess.Popen([*COMMAND.split(), job], cwd=PROJECT) as meltano:
        try:
            status = meltano.wait()
        finally:
            meltano.terminate()  # if Dagster interrupts the wait; the tap then stops cleanly
    if status:
        raise dg.Failure(f"Meltano ended with status {status}")


@dg.op(pool="dixa")
def sync_changes() -> None:
    """Sync what changed since the last run."""
    run("dixa-hourly")


@dg.op(pool="dixa")
def sync_lists() -> None:
    """Sync agents, end users, tags and other lists completely."""
    run("dixa-daily")


@dg.job
def dixa_hourly() -> None:
    """Load what changed in Dixa into the warehouse."""
    sync_changes()


@dg.job
def dixa_daily() -> None:
    """Load the full-table streams into the warehouse."""
    sync_lists()


running = dg.DefaultScheduleStatus.RUNNING
hourly = dg.ScheduleDefinition(job=dixa_hourly, cron_schedule="7 * * * *", default_status=running)
daily = dg.ScheduleDefinition(job=dixa_daily, cron_schedule="17 4 * * *", default_status=running)

defs = dg.Definitions(jobs=[dixa_hourly, dixa_daily], schedules=[hourly, daily])

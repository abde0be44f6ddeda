"""This machine's clock against Dixa's, and against the calendar."""

from __future__ import annotations

import time

import pytest

from tests import expected
from tests.conftest import settings
from tests.end_to_end import checks
from tests.end_to_end.loaded import all_exported

MINUTE = 60_000


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.mark.parametrize(
    "ahead",
    [
        [-5, -4, -1, 3, 5],  # Dixa's clock, in minutes before this machine's, run by run
        pytest.param([5, 6, 30], marks=pytest.mark.slow),
        pytest.param([-30, -5, 0], marks=pytest.mark.slow),
    ],
    ids=["from behind to ahead", "ahead", "behind"],
)
def test_a_few_minutes_between_the_clocks_lose_nothing(serve, run_tap, ahead, evidence):
    start = now() - 200 * MINUTE
    sandbox = serve(conversations=800, days=1, late=20_000, now=now() - 100 * MINUTE)
    clock = sandbox.data.now
    config = {**settings(sandbox), "end_date": None, "start_date": expected.iso(start)}
    arrived = {stream: {} for stream in expected.STREAMS}
    state = None
    for minutes in ahead:
        clock.now = max(clock.now, now() + minutes * MINUTE)
        before = now()
        run = checks.succeeded(run_tap(config, state=state))
        state = run.state
        for stream in expected.STREAMS:
            arrived[stream] |= {record["id"]: record for record in run.records(stream)}
            # Everything that Dixa showed up to this machine's now is there in its last state.
            wanted = expected.records(sandbox.data, stream, start, min(before - 1000, clock.now))
            assert len(wanted) > 30
            assert {key: arrived[stream].get(key) for key in wanted} == wanted
            bookmark = expected.milliseconds(run.bookmark(stream))
            assert bookmark <= min(now(), clock.now)
        evidence("runs with clocks apart, nothing lost")


@pytest.mark.parametrize(
    "zone",
    [
        "Australia/Lord_Howe",
        pytest.param("America/New_York", marks=pytest.mark.slow),
        pytest.param("Asia/Tokyo", marks=pytest.mark.slow),  # it changes none
    ],
)
def test_a_night_that_clocks_change_is_like_any_other(serve, run_tap, zone):
    # New York's clocks changed on 2026-03-08, the others' in October and April before.
    sandbox = serve(days=170)
    days = {"start_date": expected.iso(sandbox.data.start)[:10], "end_date": "2026-03-12"}
    config = settings(sandbox, window_days=10, **days)
    all_exported(checks.succeeded(run_tap(config, environment={"TZ": zone})), sandbox.data)
    that_night = "2026-03-08T06:30:00.000Z"
    run = run_tap(settings(sandbox, start_date=that_night), environment={"TZ": zone})
    all_exported(run, sandbox.data, expected.milliseconds(that_night))

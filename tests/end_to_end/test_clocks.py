"""This machine's clock against Dixa's, and against the calendar."""

import time

import pytest

from tests import expected
from tests.conftest import EXPORTS
from tests.end_to_end import checks
from tests.end_to_end.loaded import all_exported

MINUTE = 60_000


def now():
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
def test_a_few_minutes_between_the_clocks_lose_nothing(account_of, ahead):
    start = now() - 200 * MINUTE
    config = {"end_date": None, "start_date": expected.iso(start)}
    at = now() - 100 * MINUTE
    account = account_of(*EXPORTS, config=config, conversations=800, days=1, late=20_000, now=at)
    clock = account.data.now
    for minutes in ahead:
        clock.now = max(clock.now, now() + minutes * MINUTE)
        before = now()
        run = account.synced()
        for stream in EXPORTS:
            # Everything that Dixa showed up to this machine's now is there in its last state.
            wanted = account.known(stream, start, min(before - 1000, clock.now))
            assert len(wanted) > 30
            arrived = checks.loaded(stream, *account.runs)
            assert {key: arrived.get(key) for key in wanted} == wanted
            assert expected.milliseconds(run.bookmark(stream)) <= min(now(), clock.now)


@pytest.mark.parametrize(
    "zone",
    [
        "Australia/Lord_Howe",
        pytest.param("America/New_York", marks=pytest.mark.slow),
        pytest.param("Asia/Tokyo", marks=pytest.mark.slow),  # it changes none
    ],
)
def test_a_night_that_clocks_change_is_like_any_other(account_of, zone):
    # New York's clocks changed on 2026-03-08, the others' in October and April before.
    account = account_of(*EXPORTS, config={"environment": {"TZ": zone}}, days=170)
    days = {"start_date": expected.iso(account.data.start)[:10], "end_date": "2026-03-12"}
    all_exported(account.synced(window_days=10, **days), account.data)
    night = "2026-03-08T06:30:00.000Z"
    run = account.synced(state={}, start_date=night)
    all_exported(run, account.data, expected.milliseconds(night))

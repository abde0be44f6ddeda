"""What keeps the pace, what overlaps, and how much memory it takes, on any machine."""

import json
import time
from itertools import pairwise

import pytest

from tap_dixa.http.session import BURST, BURST_INTERVAL, MINUTE, LimitedSession
from tests.conftest import DAY, EXPORTS, catalog, settings
from tests.end_to_end import checks, memory
from tests.end_to_end.batches import batch_config
from tests.events import wait_until
from tests.faults import BrokenResponse


@pytest.mark.slow
def test_a_backfill_is_never_refused_and_waits_no_longer_than_it_must(account_of):
    # Dixa's limits, and room for a busy machine that holds requests up and lets them go at once.
    limits = {"requests_per_minute": 10, "requests_per_second": 10, "burst": 8}
    account = account_of(*EXPORTS, days=71, **limits)
    account.synced(window_days=6, requests_per_minute=10)
    for stream in EXPORTS:
        assert len(checks.requests(account.sandbox, stream)) == 12
        account.has_all(stream)
    arrived = account.sandbox.arrived
    since = [arrival - arrived[0] for arrival in arrived]
    # The limit lets the first ten go at once, the next ten after a minute, the rest after two.
    # Evenly spread, the tenth would come after 54 s; and a minute more is what a mistake costs.
    assert since[9] < 45
    assert 60 <= since[10] < 105
    assert 120 <= since[20] < 165


@pytest.mark.parametrize(("most", "milliseconds"), [(BURST, BURST_INTERVAL), (10, 500)])
def test_the_limit_is_kept_in_any_stretch_of_its_time(serve, most, milliseconds):
    sandbox, session = serve(), LimitedSession(most, milliseconds)
    sent, through = [], []
    for _ in range(2 * most + 1):
        sent.append(time.monotonic())
        session.get(f"{sandbox.url}/v1/tags", timeout=60).close()
        through.append(time.monotonic())
    # Between the two lies all of the time for which the first one counts.
    for earlier, later in zip(sent, through[most:], strict=False):
        assert later - earlier >= milliseconds / 1000
    # Dixa's limits.
    assert MINUTE >= 60_000
    assert BURST <= 4
    assert BURST / BURST_INTERVAL <= 10 / 1000


def test_refusals_that_hold_up_the_same_requests_are_one_line():
    session = LimitedSession(10, 1000)
    assert session.hold(60)
    assert not session.hold(61)  # with some jitter
    assert session.hold(120)


def test_the_wait_for_the_limit_is_known(serve):
    sandbox, session = serve(), LimitedSession(2, 60_000)
    for _ in range(2):
        assert session.limited_for() == 0
        session.get(f"{sandbox.url}/v1/tags", timeout=60).close()
    assert 55 < session.limited_for() <= 60


@pytest.mark.parametrize("parallel", [1, 4])
def test_windows_are_requested_at_a_time_and_their_records_come_in_order(account_of, parallel):
    latency = 0.3  # seconds that each export takes
    account = account_of("conversations", days=9, latency=latency)
    account.synced(window_days=2, parallel_downloads=parallel)
    account.has_all("conversations")
    # What arrives before the last one can have been responded to is under way beside it.
    arrived = sorted(account.sandbox.arrived)
    overlap = [after - before < latency for before, after in pairwise(arrived)]
    assert any(overlap) == (parallel > 1)
    assert overlap[0] is False  # the first window tells whether the token may read the stream


def test_a_slow_server_holds_nothing_back_that_has_arrived(account_of, start_tap):
    account = account_of(days=40)
    account.behaviour.faults.extend([None, BrokenResponse("stall", head=False)])
    wanted = account.known("conversations", 0, account.data.start + 30 * DAY)
    tap, arrived = start_tap(settings(account.sandbox)), {}
    while not wanted.keys() <= arrived.keys():
        message = json.loads(tap.stdout.readline())
        if message["type"] == "RECORD":
            arrived[message["record"]["id"]] = message["record"]
    assert wanted == {key: arrived[key] for key in wanted}
    wait_until(lambda: len(account.sandbox.answered) == 2)
    assert tap.poll() is None


@pytest.mark.parametrize(
    "batches", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["records", "batches"]
)
def test_memory_does_not_grow_with_the_month(serve, tmp_path, batches):
    options = {"batch_config": batch_config(tmp_path)} if batches else {}
    peaks = []
    for conversations in (100, 2000):
        config = settings(serve(conversations=conversations, days=20), **options)
        tap = memory.command(tmp_path, config=config, catalog=catalog(*EXPORTS))
        peaks.append(memory.peak_of(tap))
    assert 20 < peaks[1] < 100
    assert peaks[1] - peaks[0] < 8

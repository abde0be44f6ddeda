"""What keeps the pace, what overlaps, and how much memory it takes, on any machine."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import pairwise

import pytest

from tap_dixa.http.session import BURST, BURST_INTERVAL, MINUTE, LimitedSession
from tests import expected
from tests.conftest import DAY, EXPORTS, catalog, settings
from tests.end_to_end import checks, memory
from tests.end_to_end.batches import batch_config
from tests.end_to_end.everything import FEW_CONVERSATIONS, LISTS
from tests.events import wait_until
from tests.faults import BrokenResponse, Refusal

PIPE = 1 << 20
"""The most that a pipe of the tap's holds, in bytes."""


@pytest.mark.slow
def test_a_backfill_is_never_refused_and_waits_no_longer_than_it_must(serve, run_tap):
    sandbox = serve(days=71, requests_per_minute=10)
    run = checks.succeeded(run_tap(settings(sandbox, window_days=6, requests_per_minute=10)))
    for stream in expected.STREAMS:
        assert len(checks.requests(sandbox, stream)) == 12
        checks.emitted_exactly(run, stream, expected.records(sandbox.data, stream))
    since = [arrival - sandbox.arrived[0] for arrival in sandbox.arrived]
    # The limit lets the first ten go at once, the next ten after a minute, the rest after two.
    # Evenly spread, the tenth would come after 54 s; and a minute more is what a mistake costs.
    assert since[9] < 45
    assert 60 <= since[10] < 105
    assert 120 <= since[20] < 165


@pytest.mark.parametrize(("most", "milliseconds"), [(BURST, BURST_INTERVAL), (10, 500)])
def test_the_limit_is_kept_in_any_stretch_of_its_time(serve, most, milliseconds):
    sandbox = serve()
    session = LimitedSession(most, milliseconds)
    sent, through = [], []
    for _ in range(2 * most + 1):
        sent.append(time.monotonic())
        session.get(f"{sandbox.url}/v1/tags").close()
        through.append(time.monotonic())
    # Between the two lies all of the time for which the first one counts.
    for earlier, later in zip(sent, through[most:], strict=False):
        assert later - earlier >= milliseconds / 1000


def test_the_limits_are_dixas():
    assert MINUTE >= 60_000
    assert BURST <= 4
    assert BURST / BURST_INTERVAL <= 10 / 1000


def test_a_429_delays_every_request_of_the_session(serve):
    session = LimitedSession(1000, 1000)
    session.hold(0.5)
    session.hold(0.1)  # a shorter delay does not end the longer one
    started = time.monotonic()
    session.get(f"{serve().url}/v1/tags").close()
    assert time.monotonic() - started >= 0.5


@pytest.mark.slow
def test_no_request_is_refused_for_its_pace(serve, run_tap):
    # Dixa's limit, and room for a busy machine that holds requests up and lets them go at once.
    sandbox = serve(requests_per_second=10, burst=8)
    run = run_tap(settings(sandbox), catalog=catalog(*LISTS), program=["-m", "tap_dixa"])
    checks.succeeded(run)
    assert len(sandbox.answered) >= 20
    assert {status for _, _, status in sandbox.answered} == {200}


@pytest.mark.parametrize("parallel", [1, 4])
def test_windows_are_requested_at_a_time_and_their_records_come_in_order(serve, run_tap, parallel):
    latency = 0.5  # seconds that each export takes
    sandbox = serve(conversations=100, days=9, latency=latency)
    config = settings(sandbox, window_days=2, parallel_downloads=parallel)
    run = checks.succeeded(run_tap(config, catalog=catalog("conversations")))
    checks.emitted_exactly(run, "conversations", expected.records(sandbox.data, "conversations"))
    checks.bookmark_is_the_newest_emitted(run, "conversations")
    # What arrives before the last one can have been responded to is under way beside it.
    overlap = [after - before < latency for before, after in pairwise(sorted(sandbox.arrived))]
    assert any(overlap) == (parallel > 1)
    assert overlap[0] is False  # the first window tells whether the token may read the stream


def test_notes_that_are_requested_at_a_time_come_in_order(serve, run_tap):
    sandbox, stream = serve(conversations=60, days=6), "conversation_notes"
    run = run_tap(settings(sandbox), catalog=catalog(stream), state=FEW_CONVERSATIONS)
    times = [record["conversationUpdatedAt"] for record in checks.succeeded(run).records(stream)]
    assert times == sorted(times)
    assert len(times) > 1


def test_one_window_is_downloaded_ahead_of_the_reader_and_no_more(serve, start_tap):
    sandbox = serve(conversations=5000, days=20)
    # The second window is there at once, so that nothing but the reader keeps a third one.
    sandbox.behaviour.faults.extend([None, Refusal(200, body="[]")])
    first = len(expected.source(sandbox.data, "conversations", 0, sandbox.data.start + 7 * DAY))
    chosen = catalog("conversations")
    config = settings(sandbox, window_days=7, parallel_downloads=1)
    tap = start_tap(config, catalog=chosen, encoding=None)
    wait_until(lambda: len(sandbox.answered) == 2)
    read, records, asked, end = 0, 0, [], 0
    for line in tap.stdout:
        read += len(line)
        records += line.startswith(b'{"type":"RECORD"')
        if records <= first:
            end = read
            asked.append((read, len(sandbox.answered)))
    assert tap.wait() == 0
    # What fits into a pipe may have left the tap before it is read, and no more.
    held = [count for place, count in asked if place < end - PIPE]
    assert len(held) > 100
    assert set(held) == {2}
    assert len(sandbox.answered) == 3


def test_a_slow_server_holds_nothing_back_that_has_arrived(serve, start_tap):
    sandbox = serve(days=40)
    sandbox.behaviour.faults.extend([None, BrokenResponse("stall", head=False)])
    wanted = expected.records(sandbox.data, "conversations", 0, sandbox.data.start + 31 * DAY - DAY)
    tap = start_tap(settings(sandbox))
    arrived = {}
    while not wanted.keys() <= arrived.keys():
        message = json.loads(tap.stdout.readline())
        if message["type"] == "RECORD":
            arrived[message["record"]["id"]] = message["record"]
    assert wanted == {key: arrived[key] for key in wanted}
    wait_until(lambda: len(sandbox.answered) > 1)
    assert tap.poll() is None
    assert len(sandbox.answered) == 2


def test_the_measure_of_memory_measures():
    peak = memory.peak_of([sys.executable, "-c", "b'x' * 150_000_000"])
    assert 150 < peak < 200


@pytest.mark.parametrize(
    "batches", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["records", "batches"]
)
def test_memory_does_not_grow_with_the_month(serve, tmp_path, batches):
    peaks = []
    for conversations in (100, 2000):
        sandbox = serve(conversations=conversations, days=20)
        config = settings(sandbox)
        if batches:
            config["batch_config"] = batch_config(tmp_path)
        tap = [sys.executable, "-m", "tap_dixa"]
        for option, content in (("config", config), ("catalog", catalog(*EXPORTS))):
            path = tmp_path / f"{option}.json"
            path.write_text(json.dumps(content))
            tap += [f"--{option}", str(path)]
        peaks.append(memory.peak_of(tap))
    assert peaks[1] < 100
    assert peaks[1] - peaks[0] < 8


def packages(*arguments):
    """Give the packages that Python imports for a command, but for its own."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    names = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    return names - sys.stdlib_module_names


def test_starting_imports_nothing_but_the_sdk_and_its_msgspec_writer():
    sdk = packages("-c", "import singer_sdk")
    assert packages("-m", "tap_dixa", "--version") - sdk == {"tap_dixa", "msgspec"}

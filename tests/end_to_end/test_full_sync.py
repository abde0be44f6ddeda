from __future__ import annotations

import time

import pytest

from tap_dixa_sandbox.filters import Bounds
from tests import expected
from tests.conftest import DAY, FAST_PATH, HOUR, NOON, SDK_PATH, both_paths_slowly, settings
from tests.end_to_end import checks
from tests.end_to_end.loaded import all_exported

STEP = 31 * DAY - 2000
"""What separates the seams of the longest windows, in ms."""


def on_the_millisecond(sandbox, timestamp):
    return expected.source(sandbox.data, "conversations", timestamp, timestamp + 1)


CLOSED, OPEN = Bounds(), Bounds(False, False)


@pytest.mark.parametrize(
    ("bounds", "options"),
    [
        pytest.param(CLOSED, FAST_PATH, id="from-until"),
        pytest.param(OPEN, FAST_PATH, id="after-before"),
        pytest.param(OPEN, SDK_PATH, id="after-before, SDK path", marks=pytest.mark.slow),
        pytest.param(Bounds(True, False), FAST_PATH, id="from-before", marks=pytest.mark.slow),
        pytest.param(Bounds(False, True), FAST_PATH, id="after-until", marks=pytest.mark.slow),
    ],
)
def test_ten_months_whatever_the_bounds_include(serve, run_tap, bounds, options):
    sandbox = serve(conversations=500, days=310, bounds=bounds)
    # The nightly job's midnight, shared by many records, falls on a seam between two windows.
    midnight = next(
        sandbox.data.start + day * DAY
        for day in range(94, 124)
        if len(on_the_millisecond(sandbox, sandbox.data.start + day * DAY)) > 1
    )
    start = midnight - 3 * STEP
    run = checks.succeeded(run_tap(settings(sandbox, start_date=expected.iso(start), **options)))
    days = (NOON + 3 * HOUR - start) / DAY
    all_exported(run, sandbox.data, start)
    for stream in expected.STREAMS:
        if bounds == CLOSED:  # they are the same records for all bounds
            checks.fits_its_schema(run, stream)
        checks.bookmark_is_the_newest_emitted(run, stream)
        assert len(checks.requests(sandbox, stream)) <= -(-days // 31)


@both_paths_slowly
def test_start_is_inclusive_and_end_exclusive(serve, run_tap, options):
    sandbox = serve(days=20)
    for stream in expected.STREAMS:
        cursors = sorted(
            record[expected.CURSORS[stream]]
            for record in expected.source(sandbox.data, stream).values()
        )
        start, end = cursors[len(cursors) // 4], cursors[len(cursors) // 2]
        bounds = {"start_date": expected.iso(start), "end_date": expected.iso(end)}
        run = checks.succeeded(run_tap(settings(sandbox, **bounds, **options)))
        wanted = expected.records(sandbox.data, stream, start, end)
        checks.emitted_exactly(run, stream, wanted)
        assert wanted


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2019-01-01", "2019-03-01"),
        ("2019-01-01", "2019-01-01"),
        ("2099-01-01", "2099-02-01"),
        ("1970-01-01", "1970-01-02"),
    ],
    ids=["before everything", "empty interval", "in the future", "the beginning of time"],
)
def test_nothing_in_the_range_is_a_success(serve, run_tap, start, end):
    run = checks.succeeded(run_tap(settings(serve(), start_date=start, end_date=end)))
    assert run.of("RECORD") == []
    assert run.log.count("start_date is in the future") == (start == "2099-01-01")
    assert len(run.of("SCHEMA")) == 2
    assert [run.bookmark(stream) for stream in expected.STREAMS] == [None, None]


def test_without_an_end_date_the_run_ends_at_its_own_start(serve, run_tap):
    sandbox = serve(days=10)
    before = time.time_ns() // 1_000_000
    run = checks.succeeded(run_tap(settings(sandbox, end_date=None)))
    after = time.time_ns() // 1_000_000
    all_exported(run, sandbox.data)
    newest = {
        max(int(value) for query in checks.requests(sandbox, stream) for value in query.values())
        for stream in expected.STREAMS
    }
    (asked,) = newest  # one upper bound for both streams, and no filter in the future
    assert before < asked < after


def test_progress_is_logged_window_by_window(serve, run_tap):
    run = run_tap(settings(serve(days=40)))
    for stream in expected.STREAMS:
        lines = [line for line in run.log.splitlines() if f"| {stream}: " in line]
        first, second, done = (line.split(f"| {stream}: ")[1] for line in lines)
        for line, number in ((first, 1), (second, 2)):
            assert line.startswith(f"window {number} of 2")
            assert " MB, " in line
            assert " s left" in line
        assert f"done, windows: 2, records: {len(run.records(stream))}, " in done

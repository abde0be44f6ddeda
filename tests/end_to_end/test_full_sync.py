from __future__ import annotations

import time

import pytest

from tap_dixa_sandbox.filters import Bounds
from tests import expected
from tests.conftest import DAY, HOUR, NOON, both_paths_slowly, settings
from tests.end_to_end import checks

STEP = 31 * DAY - 2000
"""What separates the seams of the longest windows, in ms."""


def on_the_millisecond(sandbox, timestamp):
    return expected.source(sandbox.data, "conversations", timestamp, timestamp + 1)


@pytest.mark.parametrize(
    ("after", "before"),
    [
        (True, True),
        pytest.param(False, False, marks=pytest.mark.slow),
        pytest.param(True, False, marks=pytest.mark.slow),
        pytest.param(False, True, marks=pytest.mark.slow),
    ],
    ids=["from-until", "after-before", "from-before", "after-until"],
)
def test_ten_months_whatever_the_bounds_include(serve, run_tap, after, before):
    sandbox = serve(conversations=500, days=310, bounds=Bounds(after, before))
    # The nightly job's midnight, shared by many records, falls on a seam between two windows.
    midnight = next(
        sandbox.data.start + day * DAY
        for day in range(94, 124)
        if len(on_the_millisecond(sandbox, sandbox.data.start + day * DAY)) > 1
    )
    start = midnight - 3 * STEP
    run = checks.succeeded(run_tap(settings(sandbox, start_date=expected.iso(start))))
    days = (NOON + 3 * HOUR - start) / DAY
    for stream in expected.STREAMS:
        checks.emitted_exactly(run, stream, expected.records(sandbox.data, stream, start))
        if after and before:  # they are the same records for all bounds
            checks.fits_its_schema(run, stream)
        checks.bookmark_is_the_newest_emitted(run, stream)
        assert len(checks.requests(sandbox, stream)) <= -(-days // 31)


@pytest.mark.parametrize("bounds", [Bounds(), Bounds(False, False)], ids=["closed", "open"])
@both_paths_slowly
def test_a_seam_at_each_midnight(serve, run_tap, bounds, options):
    sandbox = serve(conversations=150, days=12, bounds=bounds)
    run = checks.succeeded(run_tap(settings(sandbox, window_days=1, **options)))
    for stream in expected.STREAMS:
        checks.emitted_exactly(run, stream, expected.records(sandbox.data, stream))
        assert len(checks.requests(sandbox, stream)) == 13


@both_paths_slowly
def test_start_is_inclusive_and_end_exclusive(serve, run_tap, options):
    sandbox = serve(conversations=150, days=20)
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
    [("2019-01-01", "2019-03-01"), ("2019-01-01", "2019-01-01"), ("2099-01-01", "2099-02-01")],
    ids=["before everything", "empty interval", "in the future"],
)
def test_nothing_in_the_range_is_a_success(serve, run_tap, start, end):
    sandbox = serve()
    run = checks.succeeded(run_tap(settings(sandbox, start_date=start, end_date=end)))
    assert run.of("RECORD") == []
    assert run.log.count("start_date is in the future") == (start == "2099-01-01")
    assert len(run.of("SCHEMA")) == 2
    for stream in expected.STREAMS:
        assert run.bookmark(stream) is None


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_the_time_zone_changes_nothing(serve, run_tap, zone):
    sandbox = serve(days=240)
    changes = {"start_date": expected.iso(sandbox.data.start)[:10], "end_date": "2026-03-12"}
    run = checks.succeeded(run_tap(settings(sandbox, **changes), environment={"TZ": zone}))
    for stream in expected.STREAMS:
        checks.emitted_exactly(run, stream, expected.records(sandbox.data, stream))


def test_without_an_end_date_the_run_ends_at_its_own_start(serve, run_tap):
    sandbox = serve(days=10)
    before = time.time_ns() // 1_000_000
    run = run_tap(settings(sandbox, end_date=None))
    after = time.time_ns() // 1_000_000
    checks.succeeded(run)
    newest = set()
    for stream in expected.STREAMS:
        checks.emitted_exactly(run, stream, expected.records(sandbox.data, stream))
        newest.add(
            max(int(value) for q in checks.requests(sandbox, stream) for value in q.values())
        )
    (asked,) = newest  # one upper bound for both streams, and no filter in the future
    assert before < asked < after


def test_the_beginning_of_time_can_be_asked_for(serve, run_tap):
    sandbox = serve()
    run = run_tap(settings(sandbox, start_date="1970-01-01", end_date="1970-01-02"))
    checks.succeeded(run)
    assert len(checks.requests(sandbox, "messages")) == 1


def test_progress_is_logged_window_by_window(serve, run_tap):
    sandbox = serve(days=40)
    run = run_tap(settings(sandbox), environment={"PYTHONPROFILEIMPORTTIME": "1"})
    assert "| tap_dixa.tap" in run.log.replace("|   ", "| ")
    assert "tqdm" not in run.log  # for terminals only
    for stream in expected.STREAMS:
        lines = [line for line in run.log.splitlines() if f"| {stream}: " in line]
        count = len(run.records(stream))
        assert [line.split(f"| {stream}: ")[1][:13] for line in lines[:2]] == [
            "window 1 of 2",
            "window 2 of 2",
        ]
        assert all(" MB, " in line and " s left" in line for line in lines[:2])
        assert f"done, windows: 2, records: {count}, " in lines[2]

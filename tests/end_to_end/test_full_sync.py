import time

import pytest

from tap_dixa_sandbox.filters import Bounds
from tests import expected
from tests.conftest import DAY, EXPORTS, FAST_PATH, HOUR, NOON, SDK_PATH, both_paths_slowly
from tests.end_to_end import checks
from tests.end_to_end.loaded import all_exported

STEP = 31 * DAY - 2000
"""What separates the seams of the longest windows, in ms."""
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
def test_ten_months_whatever_the_bounds_include(account_of, bounds, options):
    account = account_of(*EXPORTS, config=options, conversations=500, days=310, bounds=bounds)
    # The nightly job's midnight, shared by many records, falls on a seam between two windows.
    midnights = (account.data.start + day * DAY for day in range(94, 124))
    midnight = next(m for m in midnights if len(account.source("conversations", m, m + 1)) > 1)
    start = midnight - 3 * STEP
    run = account.synced(start_date=expected.iso(start))
    all_exported(run, account.data, start)
    length = NOON + 3 * HOUR - start
    for stream in EXPORTS:
        if bounds == CLOSED:  # they are the same records for all bounds
            checks.fits_its_schema(run, stream)
        checks.bookmark_is_the_newest_emitted(run, stream)
        assert len(checks.requests(account.sandbox, stream)) <= -(-length // (31 * DAY))


@both_paths_slowly
def test_start_is_inclusive_and_end_exclusive(account_of, options):
    account = account_of(*EXPORTS, config=options, days=20)
    start, end = (
        sorted(record[expected.CURSORS[stream]] for record in account.source(stream))[place]
        for stream, place in (("conversations", 20), ("messages", 200))
    )
    run = account.synced(start_date=expected.iso(start), end_date=expected.iso(end))
    all_exported(run, account.data, start, end)
    assert run.records("messages")


@pytest.mark.parametrize(
    ("start", "end"),
    [("1970-01-01", "1970-01-02"), ("2019-01-01", "2019-01-01"), ("2099-01-01", "2099-02-01")],
    ids=["the beginning of time", "empty interval", "in the future"],
)
def test_nothing_in_the_range_is_a_success(account_of, start, end):
    run = account_of(*EXPORTS).synced(start_date=start, end_date=end)
    assert run.of("RECORD") == []
    assert run.log.count("start_date is in the future") == (start == "2099-01-01")
    assert len(run.of("SCHEMA")) == 2
    assert [run.bookmark(stream) for stream in EXPORTS] == [None, None]


def test_without_an_end_date_the_run_ends_at_its_own_start(account_of):
    account = account_of(*EXPORTS, days=10)
    before = time.time_ns() // 1_000_000
    all_exported(account.synced(end_date=None), account.data)
    asked = [checks.requests(account.sandbox, stream) for stream in EXPORTS]
    newest = {max(int(time) for query in mine for time in query.values()) for mine in asked}
    (until,) = newest  # one upper bound for both streams, and no filter in the future
    assert before < until < time.time_ns() // 1_000_000

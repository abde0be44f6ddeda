"""Records from outside the requested window are emitted and do not move the bookmark."""

import json

import pytest

from tests import expected
from tests.conftest import DAY, EXPORTS, HOUR, LOOKBACK, both_paths_slowly
from tests.end_to_end import checks
from tests.faults import Odd

COUNT = 3
STRANGE_ID = 1 << 51


@both_paths_slowly
def test_they_are_emitted_and_counted_in_one_warning_a_window(account_of, options):
    account = account_of(*EXPORTS, config=options, days=20, out_of_place=COUNT)
    run = account.synced(window_days=10)
    for stream in EXPORTS:
        wanted, found = account.known(stream), checks.loaded(stream, run)
        checks.same([found[key] for key in wanted], wanted)
        windows = run.log.count(f" {stream}: window ")
        assert len(run.records(stream)) == len(found) == len(wanted) + COUNT * windows
        said = [line for line in checks.warnings(run) if f"| {stream}: " in line]
        assert len([line for line in said if "records from outside" in line]) == windows
        newest = max(record[expected.CURSORS[stream]] for record in wanted.values())
        assert run.bookmark(stream) == newest
        for state in run.of("STATE"):
            mark = state["value"]["bookmarks"].get(stream, {}).get("replication_key_value", newest)
            assert "2001" < mark[:4] <= mark <= newest


@pytest.mark.parametrize(
    ("resumed", "before", "is_emitted"),
    [(False, 500, False), (False, 5_000, True), (True, 500, False), (True, DAY + HOUR, True)],
)
def test_a_record_from_before_what_a_run_reads_is_emitted(account_of, resumed, before, is_emitted):
    account = account_of("conversations", config={"window_days": 10}, conversations=60, days=20)
    start, bookmark = account.data.start, None
    if resumed:
        bookmark = account.sync().bookmark("conversations")
        start = expected.milliseconds(bookmark) - LOOKBACK
        account.wait(15 * DAY)
    strange = account.source("conversations")[0] | {"id": STRANGE_ID, "updated_at": start - before}
    # In the response for the second window, it is no less from outside.
    account.behaviour.faults.extend([None] * (before == 5_000) + [Odd(json.dumps(strange))])
    run = account.synced(end_date=expected.iso(account.data.now() + 3 * HOUR))
    assert not account.behaviour.faults
    records = run.records("conversations")
    assert sum(record["id"] == STRANGE_ID for record in records) == is_emitted
    assert ("sent 1 records from outside what this run reads" in run.log) == is_emitted
    ordinary = [record["updated_at"] for record in records if record["id"] != STRANGE_ID]
    assert run.bookmark("conversations") == max(ordinary, default=bookmark)


def test_a_record_of_another_window_of_the_run_comes_with_that_one(account_of):
    account = account_of("conversations", conversations=60, days=20)
    of_the_first = Odd(json.dumps(account.source("conversations")[0]))
    account.behaviour.faults.extend([None, of_the_first])
    run = account.synced(window_days=5, parallel_downloads=1)
    account.has_all("conversations")
    assert "from outside" not in run.log

"""Records from outside the requested window are emitted and do not move the bookmark."""

import json
from collections import Counter
from uuid import UUID

import pytest

from tests import expected
from tests.conftest import DAY, EXPORTS, HOUR, LOOKBACK, both_paths_slowly
from tests.end_to_end import checks
from tests.faults import Odd

STRANGE_ID = 1 << 51


YEAR_2001, YEAR_2027 = 978_307_200_000, 1_798_761_600_000


class Strangers:
    """Puts two records from outside among those of each export, and counts such exports."""

    def __init__(self):
        self.exports = Counter()

    def __call__(self, request, rows):
        stream = request.url.path.split("/")[-1].removesuffix("_export") + "s"
        if stream not in EXPORTS or not rows:
            return rows
        self.exports[stream] += 1
        both = []
        for number, time in enumerate((YEAR_2001, YEAR_2027), 2 * self.exports[stream]):
            id_ = STRANGE_ID + number if stream == "conversations" else str(UUID(int=number))
            both.append({**rows[0], "id": id_, expected.CURSORS[stream]: time})
        return [both[0], *rows, both[1]]


@both_paths_slowly
def test_they_are_emitted_and_counted_in_one_warning_a_window(account_of, options):
    strangers = Strangers()
    account = account_of(*EXPORTS, config=options, days=20, alter=strangers)
    run = account.synced(window_days=10)
    for stream in EXPORTS:
        wanted, found = account.known(stream), checks.loaded(stream, run)
        checks.same([found[key] for key in wanted], wanted)
        exports = strangers.exports[stream]
        assert len(run.records(stream)) == len(found) == len(wanted) + 2 * exports
        said = [line for line in checks.warnings(run) if f"| {stream}: " in line]
        assert len([line for line in said if "records from outside" in line]) == exports > 1
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

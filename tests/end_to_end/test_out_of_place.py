"""Records from outside the requested window are emitted and do not move the bookmark."""

from __future__ import annotations

import json

import pytest

from tests import expected
from tests.conftest import DAY, HOUR, both_paths_slowly, catalog, settings
from tests.end_to_end import checks
from tests.faults import Odd

COUNT = 3


@both_paths_slowly
@pytest.mark.parametrize("stream", expected.STREAMS)
def test_they_are_emitted_and_counted_in_one_warning_a_window(serve, run_tap, options, stream):
    sandbox = serve(conversations=100, days=20, out_of_place=COUNT)
    config = settings(sandbox, window_days=10, **options)
    first = checks.succeeded(run_tap(config))
    wanted = expected.records(sandbox.data, stream)
    found = {record["id"]: record for record in first.records(stream)}
    extra = found.keys() - wanted.keys()
    checks.same([found[key] for key in wanted], wanted)
    warnings = [line for line in first.log.splitlines() if "records from outside" in line]
    mine = [line for line in warnings if f"| {stream}: " in line]
    windows = first.log.count(f" {stream}: window ")
    assert len(mine) == windows
    assert len(extra) == COUNT * windows
    assert len(first.records(stream)) == len(wanted) + len(extra)
    newest = max(record[expected.CURSORS[stream]] for record in wanted.values())
    assert first.bookmark(stream) == newest
    for state in first.of("STATE"):
        mark = state["value"]["bookmarks"].get(stream, {}).get("replication_key_value", newest)
        assert mark[:4] > "2001" or mark == newest
        assert mark <= newest


def test_the_next_run_resumes_from_the_bookmark(serve, run_tap):
    sandbox = serve(conversations=100, days=20, out_of_place=COUNT)
    first = run_tap(settings(sandbox))
    sandbox.behaviour.out_of_place = 0
    sandbox.data.now.now += HOUR
    second = checks.succeeded(run_tap(settings(sandbox), state=first.state))
    for stream in expected.STREAMS:
        start = expected.milliseconds(first.bookmark(stream)) - 600_000
        checks.emitted_exactly(second, stream, expected.records(sandbox.data, stream, start))


LOOKBACK = 600_000
STRANGE_ID = 1 << 51


@pytest.mark.parametrize(
    ("before", "is_emitted"),
    [(500, False), (5_000, True), (HOUR, True), (DAY - 1, True), (DAY + HOUR, True)],
)
@pytest.mark.parametrize("resumed", [False, True], ids=["a first run", "a later run"])
def test_a_record_from_before_what_a_run_reads_is_emitted(
    serve, run_tap, before, is_emitted, resumed
):
    sandbox = serve(conversations=60, days=20)
    chosen, config = catalog("conversations"), settings(sandbox, window_days=10)
    state, start = None, sandbox.data.start
    if resumed:
        state = run_tap(config, catalog=chosen).state
        bookmark = state["bookmarks"]["conversations"]["replication_key_value"]
        start = expected.milliseconds(bookmark) - LOOKBACK
        sandbox.data.now.now += 15 * DAY
        config["end_date"] = expected.iso(sandbox.data.now())
    some = next(iter(expected.source(sandbox.data, "conversations").values()))
    strange = json.dumps(some | {"id": STRANGE_ID, "updated_at": start - before})
    # In the response for the second window, it is no less from outside.
    windows = [None, Odd(strange)] if before == HOUR else [Odd(strange)]
    sandbox.behaviour.faults.extend(windows)
    run = checks.succeeded(run_tap(config, catalog=chosen, state=state))
    assert not sandbox.behaviour.faults
    found = [r for r in run.records("conversations") if r["id"] == STRANGE_ID]
    assert len(found) == is_emitted
    assert ("sent 1 records from outside what this run reads" in run.log) == is_emitted
    ordinary = [r["updated_at"] for r in run.records("conversations") if r["id"] != STRANGE_ID]
    assert run.bookmark("conversations") == max(ordinary, default=state and bookmark)


def test_a_record_of_another_window_of_the_run_comes_with_that_one(serve, run_tap):
    sandbox = serve(conversations=60, days=20)
    some = next(iter(expected.source(sandbox.data, "conversations").values()))
    sandbox.behaviour.faults.extend([None, Odd(json.dumps(some))])
    config = settings(sandbox, window_days=5, parallel_downloads=1)
    run = checks.succeeded(run_tap(config, catalog=catalog("conversations")))
    checks.emitted_exactly(run, "conversations", expected.records(sandbox.data, "conversations"))
    assert "from outside" not in run.log

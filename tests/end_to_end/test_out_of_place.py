"""Records from outside the requested window are emitted and do not move the bookmark."""

from __future__ import annotations

import pytest

from tests import expected
from tests.conftest import HOUR, both_paths_slowly, settings
from tests.end_to_end import checks

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

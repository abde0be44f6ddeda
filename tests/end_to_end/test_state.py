"""What a run makes of the state that it is given."""

from __future__ import annotations

import json
import time

import pytest

from tests import expected
from tests.conftest import HOUR, settings
from tests.end_to_end import checks
from tests.states import MARKERS, REFUSED, TAKEN_OVER, bookmarks

LOOKBACK = 600_000


@pytest.mark.parametrize(
    "name",
    ["singer-io 1.x", "singer-io 0.x", "with an offset", "with progress markers", "Meltano's two"],
)
def test_a_bookmark_is_taken_over(serve, run_tap, name, evidence):
    state, bookmark = TAKEN_OVER[name]
    sandbox = serve(days=20)
    run = checks.succeeded(run_tap(settings(sandbox), state=state))
    for stream in expected.STREAMS:
        wanted = expected.records(sandbox.data, stream, bookmark - LOOKBACK)
        assert 0 < len(wanted) < len(expected.records(sandbox.data, stream))
        checks.emitted_exactly(run, stream, wanted)
        checks.bookmark_is_the_newest_emitted(run, stream)
        assert set(run.state["bookmarks"][stream]) <= {
            "replication_key", "replication_key_value", "starting_replication_value", "partitions",
            "refresh",
        }  # fmt: skip
    evidence("states taken over")


NOTHING = {
    "an empty object": "{}",
    "an empty file": "",
    "null after a byte order mark": "\ufeffnull",
    "a bookmark of null": '{"bookmarks": {"conversations": null, "messages": null}}',
    "Meltano's file of null": '{"completed": null, "partial": null}',
    "only progress markers": json.dumps({"bookmarks": {"messages": {"progress_markers": MARKERS}}}),
    "before start_date": json.dumps(bookmarks("2019-01-01T00:00:00.000Z")),
    "another stream's": '{"bookmarks": {"planets": {"replication_key_value": 9}}}',
}


@pytest.mark.parametrize("text", NOTHING.values(), ids=NOTHING)
def test_without_a_usable_bookmark_the_sync_begins_at_start_date(
    serve, run_tap, tmp_path, text, evidence
):
    sandbox = serve(days=20)
    file = tmp_path / "given.json"
    file.write_text(text)
    run = checks.succeeded(run_tap(settings(sandbox), "--state", str(file)))
    for stream in expected.STREAMS:
        checks.emitted_exactly(run, stream, expected.records(sandbox.data, stream))
        checks.bookmark_is_the_newest_emitted(run, stream)
    if "planets" in text:
        assert run.state["bookmarks"]["planets"] == {"replication_key_value": 9}
    evidence("states taken over")


@pytest.mark.parametrize(
    "name", ["no date", "singer-io's, garbage", "bookmarks alone", "partitions of texts"]
)
def test_what_is_no_state_is_refused_in_one_line(serve, run_tap, name, evidence):
    sandbox = serve()
    run = run_tap(settings(sandbox), state=REFUSED[name])
    assert "--state" in checks.failed(run)
    assert sandbox.answered == []
    evidence("states refused in one line")


@pytest.mark.parametrize("text", ["{", '{"bookmarks": {}}\n{"bookmarks": {}}'])
def test_what_is_no_json_object_is_refused_in_one_line(serve, run_tap, tmp_path, text, evidence):
    sandbox = serve()
    file = tmp_path / "given.json"
    file.write_text(text)
    run = run_tap(settings(sandbox), "--state", str(file))
    assert str(file) in checks.failed(run)
    assert sandbox.answered == []
    evidence("states refused in one line")


def test_a_bookmark_a_little_ahead_of_this_machine_is_kept(serve, run_tap):
    sandbox = serve()
    ahead = expected.iso(int(time.time() * 1000) + HOUR)
    config = {**settings(sandbox), "end_date": None}
    run = checks.succeeded(run_tap(config, state=bookmarks(ahead)))
    assert run.records("conversations") == []
    for stream in expected.STREAMS:
        assert run.bookmark(stream) == ahead

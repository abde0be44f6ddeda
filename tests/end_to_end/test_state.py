"""What a run makes of the state that it is given: `tests/test_state_input.py` has all of them."""

import json
import time

import pytest

from tests import expected
from tests.conftest import EXPORTS, HOUR, LOOKBACK, settings
from tests.end_to_end import checks
from tests.states import TAKEN_OVER, bookmarks

KEPT = {
    *("replication_key", "replication_key_value", "starting_replication_value"),
    *("refresh", "revision"),
}


@pytest.mark.parametrize(
    "name", ["singer-io 1.x", "singer-io 0.x", "with progress markers", "Meltano's two"]
)
def test_a_bookmark_is_taken_over(account_of, name, evidence):
    state, bookmark = TAKEN_OVER[name]
    account = account_of(*EXPORTS, days=20)
    run = account.synced(state=state)
    for stream in EXPORTS:
        wanted = account.known(stream, bookmark - LOOKBACK)
        assert 0 < len(wanted) < len(account.known(stream))
        checks.emitted_exactly(run, stream, wanted)
        checks.bookmark_is_the_newest_emitted(run, stream)
        assert set(run.state["bookmarks"][stream]) <= {*KEPT, "partitions"}
    evidence("states taken over")


NOTHING = {
    "an empty file": "",
    "null after a byte order mark": "\ufeffnull",
    "a bookmark without a value": """{"bookmarks": {
        "conversations": {"replication_key": "updated_at"},
        "messages": {"replication_key": "created_at", "replication_key_value": null}
    }}""",
    "before start_date": json.dumps(bookmarks("2019-01-01T00:00:00.000Z")),
    "another stream's": '{"bookmarks": {"planets": {"replication_key_value": 9}}}',
}


@pytest.mark.parametrize("text", NOTHING.values(), ids=NOTHING)
def test_without_a_usable_bookmark_the_sync_begins_at_start_date(
    account_of, run_tap, tmp_path, text, evidence
):
    account, file = account_of(*EXPORTS, days=20), tmp_path / "given.json"
    file.write_text(text)
    account.runs.append(run_tap(settings(account.sandbox), "--state", str(file)))
    for stream in EXPORTS:
        account.has_all(stream)
    if "planets" in text:
        assert account.runs[-1].state["bookmarks"]["planets"] == {"replication_key_value": 9}
    evidence("states taken over")


def test_a_bookmark_a_little_ahead_of_this_machine_is_kept(account_of):
    ahead = expected.iso(int(time.time() * 1000) + HOUR)
    run = account_of(*EXPORTS).synced(state=bookmarks(ahead), end_date=None)
    assert run.records("conversations") == []
    assert [run.bookmark(stream) for stream in EXPORTS] == [ahead, ahead]

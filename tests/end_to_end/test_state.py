"""What a run makes of the state that it is given: `tests/test_state_input.py` has all of them."""

import time

import pytest

from tests import expected
from tests.conftest import EXPORTS, HOUR, LOOKBACK, settings
from tests.end_to_end import checks
from tests.states import TAKEN_OVER, bookmarks, of

KEPT = {
    *("replication_key", "replication_key_value", "starting_replication_value"),
    *("refresh", "revision"),
}


@pytest.mark.parametrize("name", ["singer-io 0.x", "with progress markers"])
def test_a_bookmark_is_taken_over(account_of, name):
    state, bookmark = TAKEN_OVER[name]
    account = account_of(*EXPORTS, days=20)
    run = account.synced(state=state)
    for stream in EXPORTS:
        wanted = account.known(stream, bookmark - LOOKBACK)
        assert 0 < len(wanted) < len(account.known(stream))
        checks.emitted_exactly(run, stream, wanted)
        checks.bookmark_is_the_newest_emitted(run, stream)
        assert set(run.state["bookmarks"][stream]) <= {*KEPT, "partitions"}


def test_without_a_usable_bookmark_the_sync_begins_at_start_date(account_of):
    account = account_of(*EXPORTS, days=20)
    earlier = of("conversations", {"updated_at": "2019-01-01"})["bookmarks"]
    others = {"messages": {"replication_key": "created_at"}, "planets": {"rings": 9}}
    run = account.synced(state={"bookmarks": {**earlier, **others}})
    for stream in EXPORTS:
        account.has_all(stream)
    assert run.state["bookmarks"]["planets"] == {"rings": 9}


def test_an_empty_file_is_no_state(serve, run_tap, tmp_path):
    file = tmp_path / "state.json"
    file.write_text("\ufeffnull")
    assert checks.succeeded(run_tap(settings(serve()), "--state", str(file))).of("RECORD")


def test_a_bookmark_a_little_ahead_of_this_machine_is_kept(account_of):
    ahead = expected.iso(int(time.time() * 1000) + HOUR)
    run = account_of(*EXPORTS).synced(state=bookmarks(ahead), end_date=None)
    assert run.records("conversations") == []
    assert [run.bookmark(stream) for stream in EXPORTS] == [ahead, ahead]

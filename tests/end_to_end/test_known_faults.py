"""A state that was written by a version with faults: the first run warns, once."""

from tap_dixa.known_faults import REVISION
from tests.end_to_end import checks

AGAIN = ("activity_logs", "intelligence_records", "tags")
"""Two streams that had faults, one of them with partitions, and one that has no bookmark."""


def without_revisions(state):
    """Give a state as versions wrote it that did not know of any fault."""
    kept = {
        stream: {name: value for name, value in bookmark.items() if name != "revision"}
        for stream, bookmark in state["bookmarks"].items()
    }
    return {"bookmarks": kept}


def test_the_first_run_after_an_update_says_once_what_to_sync_again(account_of):
    account = account_of(*AGAIN, days=20)
    first = account.synced()
    assert checks.warnings(first) == []
    marked = {name for name, bookmark in first.state["bookmarks"].items() if "revision" in bookmark}
    assert marked == {"activity_logs", "intelligence_records"}
    account.wait()
    (line,) = checks.warnings(account.synced(state=without_revisions(first.state)))
    for stream in marked:
        assert f"{stream} (from start_date" in line
    assert "conversation_notes (" not in line
    assert account.runs[-1].bookmark("activity_logs") > first.bookmark("activity_logs")
    assert account.runs[-1].state["bookmarks"]["activity_logs"]["revision"] == REVISION
    account.wait()
    assert checks.warnings(account.synced()) == []

import pytest

from tap_dixa.errors import SettingsError
from tap_dixa.state_input import read_state
from tests import expected
from tests.states import REFUSED, TAKEN_OVER


@pytest.mark.parametrize(("state", "bookmark"), TAKEN_OVER.values(), ids=TAKEN_OVER)
def test_a_bookmark_is_taken_over(state, bookmark, caplog):
    caplog.set_level("INFO", "tap-dixa")
    taken = read_state(state, expected.CURSORS)
    for stream, cursor in expected.CURSORS.items():
        found = taken["bookmarks"][stream]
        assert found["replication_key"] == cursor
        assert found["replication_key_value"] == expected.iso(bookmark)
        assert "updated_at" not in found
        assert "created_at" not in found
    theirs = "replication_key" not in state.get("bookmarks", {}).get("messages", "replication_key")
    assert ("resumes from the bookmark of singer-io/tap-dixa" in caplog.text) == theirs


@pytest.mark.parametrize("state", [{}, {"bookmarks": {}}, {"bookmarks": None}])
def test_without_a_bookmark_there_is_nothing_to_read(state):
    for given in (state, {"singer_state": state}, {"completed": state, "partial": {}}):
        assert read_state(given, expected.CURSORS) == {"bookmarks": {}}


@pytest.mark.parametrize("state", REFUSED.values(), ids=REFUSED)
def test_what_is_no_state_is_refused_in_one_line(state):
    with pytest.raises(SettingsError) as refused:
        read_state(state, expected.CURSORS)
    assert str(refused.value).startswith("--state: ")
    assert "\n" not in str(refused.value)

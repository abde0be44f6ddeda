"""Streams with a request for each changed conversation: its notes and ratings."""

import pytest

from tests import expected
from tests.conftest import HOUR, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import BY_CONVERSATION, LISTS, by_key, rows
from tests.end_to_end.interrupted import ended, read_until
from tests.end_to_end.loaded import is_whole

RATINGS = "conversation_ratings"


def test_notes_and_ratings_come_with_their_conversations_changes(account_of):
    account = account_of(*BY_CONVERSATION, conversations=26, days=6, documented_forms=True)
    first = account.synced()
    newest = max(conversation["updated_at"] for conversation in account.source("conversations"))
    for stream in BY_CONVERSATION:
        records = first.records(stream)
        is_whole(account.sandbox, stream, records)
        assert len(by_key(stream, records)) == len(records) > 0
        times = [record["conversationUpdatedAt"] for record in records]
        assert times == sorted(times)
        assert first.bookmark(stream) == expected.iso(newest)
        checks.fits_its_schema(first, stream)
    # Surveys with two questions of one type.
    assert {record["questionNumber"] for record in first.records(RATINGS)} == {1, 2}
    account.wait(3 * HOUR)
    second = account.synced(end_date="2026-03-12")
    assert len(account.answered) < 40
    for stream in BY_CONVERSATION:
        is_whole(account.sandbox, stream, first.records(stream) + second.records(stream))


@pytest.mark.parametrize(
    "lists",
    [
        ("knowledge_articles",),
        pytest.param([*LISTS[-8:]], marks=pytest.mark.slow, id="all of the account's set-up"),
    ],
)
def test_a_killed_run_is_made_up_for(account_of, start_tap, lists):
    config = {"window_days": 1, "emit_activate_version_messages": True}
    account = account_of(*lists, RATINGS, config=config, conversations=8, days=6)
    chosen = catalog(*lists, RATINGS)
    tap = start_tap(settings(account.sandbox, **config), catalog=chosen, encoding=None)
    output = read_until(tap.stdout, f'"stream":"{RATINGS}","record"'.encode())
    tap.kill()
    account.runs.append(killed := ended(tap, output))
    run = account.synced()
    for stream in lists:
        checks.emitted_once(run, stream, rows(account.sandbox)[stream])
        assert len(run.of("ACTIVATE_VERSION", stream)) == 1
    is_whole(account.sandbox, RATINGS, killed.records(RATINGS) + run.records(RATINGS))

"""Streams with a request for each changed conversation: its notes and ratings."""

from __future__ import annotations

import pytest

from tests import expected
from tests.conftest import HOUR, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import BY_CONVERSATION, LISTS, by_key, rows, rows_by_conversation
from tests.end_to_end.interrupted import read_until
from tests.end_to_end.killed import ended, latest_state
from tests.end_to_end.loaded import is_whole


def test_notes_and_ratings_come_with_their_conversations_changes(account_of, evidence):
    account = account_of(*BY_CONVERSATION, conversations=26, days=6, documented_forms=True)
    first = checks.succeeded(account.sync())
    conversations = expected.source(account.data, "conversations")
    newest = max(conversation["updated_at"] for conversation in conversations.values())
    for stream in BY_CONVERSATION:
        records = first.records(stream)
        wanted = rows_by_conversation(account.sandbox, stream)
        assert by_key(stream, records) == wanted
        assert len(records) == len(wanted) > 0
        assert first.bookmark(stream) == expected.iso(newest)
        checks.fits_its_schema(first, stream)
    numbers = {record["questionNumber"] for record in first.records("conversation_ratings")}
    assert numbers == {1, 2}  # surveys with two questions of one type
    account.wait(3 * HOUR)
    second = checks.succeeded(account.sync(end_date="2026-03-12"))
    assert len(account.answered) < 40
    for stream in BY_CONVERSATION:
        is_whole(account.sandbox, stream, first.records(stream) + second.records(stream))
    evidence("streams of the Dixa API compared field by field", len(BY_CONVERSATION))


@pytest.mark.parametrize(
    "lists",
    [
        ("knowledge_articles",),
        pytest.param([*LISTS[-8:]], marks=pytest.mark.slow, id="all of the account's set-up"),
    ],
)
def test_a_killed_run_is_made_up_for(serve, start_tap, run_tap, lists, evidence):
    sandbox = serve(conversations=8, days=6)
    config = settings(sandbox, window_days=1, emit_activate_version_messages=True)
    chosen = catalog(*lists, "conversation_ratings")
    tap = start_tap(config, catalog=chosen, encoding=None)
    output = read_until(tap.stdout, b'"stream":"conversation_ratings","record"')
    tap.kill()
    killed = ended(tap, output)
    run = checks.succeeded(run_tap(config, state=latest_state(killed), catalog=chosen))
    for stream in lists:
        checks.emitted_once(run, stream, rows(sandbox)[stream])
        assert len(run.of("ACTIVATE_VERSION", stream)) == 1
    stream = "conversation_ratings"
    is_whole(sandbox, stream, killed.records(stream) + run.records(stream))
    evidence("kills survived")

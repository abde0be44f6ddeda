"""Streams with a request for each changed conversation: its notes and ratings."""

from __future__ import annotations

import pytest

from tests import expected
from tests.conftest import HOUR, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import BY_CONVERSATION, LISTS, by_key, rows, rows_by_conversation
from tests.end_to_end.interrupted import read_until
from tests.end_to_end.killed import ended, latest_state


def test_notes_and_ratings_come_with_their_conversations_changes(serve, run_tap, evidence):
    sandbox = serve(conversations=26, days=6, documented_forms=True)
    chosen = catalog(*BY_CONVERSATION)
    first = checks.succeeded(run_tap(settings(sandbox), catalog=chosen))
    newest = max(c["updated_at"] for c in expected.source(sandbox.data, "conversations").values())
    conversations = expected.records(sandbox.data, "conversations").keys()
    for stream in BY_CONVERSATION:
        records = first.records(stream)
        wanted = rows_by_conversation(sandbox, stream)
        assert by_key(stream, records) == wanted
        assert len(records) == len(wanted) > 0
        assert first.bookmark(stream) == expected.iso(newest)
        checks.fits_its_schema(first, stream)
        assert {record["csid"] for record in records} <= conversations
    numbers = {record["questionNumber"] for record in first.records("conversation_ratings")}
    assert numbers == {1, 2}  # surveys with two questions of one type
    sandbox.data.now.now += 3 * HOUR
    before = len(sandbox.answered)
    second = run_tap(settings(sandbox, end_date="2026-03-12"), catalog=chosen, state=first.state)
    checks.succeeded(second)
    assert len(sandbox.answered) - before < 40
    for stream in BY_CONVERSATION:
        arrived = by_key(stream, first.records(stream) + second.records(stream))
        assert arrived == rows_by_conversation(sandbox, stream)
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
    arrived = by_key(stream, killed.records(stream) + run.records(stream))
    assert arrived == rows_by_conversation(sandbox, stream)
    evidence("kills survived")

"""Every STATE of a BATCH run is a safe place to resume from: what it counts is in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import expected
from tests.conftest import EXPORTS, FAST_PATH, HOUR, SDK_PATH, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.anonymized import some
from tests.end_to_end.batches import batch_config, batched, records_in
from tests.end_to_end.everything import by_key, rows_by_conversation
from tests.faults import Refusal


def rows_at_states(run, before):
    """Give each STATE of a run, with the rows that a target has when it reads it."""
    rows = {stream: dict(before.get(stream, {})) for stream in expected.STREAMS}
    for message in run.messages:
        if message["type"] == "BATCH":
            for url in message["manifest"]:
                records = records_in(Path(url.removeprefix("file://")))
                rows[message["stream"]].update((record["id"], record) for record in records)
        elif message["type"] == "STATE":
            yield message["value"], {stream: dict(held) for stream, held in rows.items()}


@pytest.mark.parametrize(
    "options",
    [pytest.param(FAST_PATH, marks=pytest.mark.slow), SDK_PATH],
    ids=["fast path", "SDK path"],
)
def test_every_state_of_a_batch_run_is_a_safe_place_to_resume_from(
    serve, run_tap, tmp_path, options, evidence
):
    sandbox = serve(conversations=200, days=80)
    config = settings(sandbox, parallel_downloads=1, **options)

    def sync(batch_size, state, before, *streams):
        """Sync into files, and from each STATE once more; give the last one, with its rows."""
        batches = batch_config(tmp_path, batch_size=batch_size)
        run = run_tap({**config, "batch_config": batches}, state=state, catalog=catalog(*streams))
        checks.succeeded(run)
        reached = list(rows_at_states(run, before))
        for reached_state, rows in reached:
            resumed = run_tap(config, state=reached_state, catalog=catalog(*streams))
            checks.succeeded(resumed)
            for stream in streams:
                arrived = rows[stream] | checks.loaded(stream, resumed)
                checks.same(arrived.values(), expected.records(sandbox.data, stream))
        evidence("states of BATCH runs, resumed from", len(reached))
        return len(reached), *reached[-1]

    count, last, rows = sync(300, None, {}, *EXPORTS)
    assert count > 2
    for conversation in some(sandbox, 60):
        sandbox.data.anonymize(conversation["id"])
    sandbox.data.now.now += HOUR
    # Few enough that the messages of a window that is refreshed lie in several files.
    count, _, _ = sync(20, last, rows, "messages")
    assert count > 3


@pytest.mark.parametrize(
    ("stream", "maps"),
    [
        ("conversation_notes", False),
        ("conversation_ratings", True),
        pytest.param("conversation_notes", True, marks=pytest.mark.slow),
        pytest.param("conversation_ratings", False, marks=pytest.mark.slow),
    ],
)
def test_notes_and_ratings_too(serve, run_tap, tmp_path, stream, maps, evidence):
    sandbox = serve(conversations=40, days=6)
    chosen, wanted = catalog(stream), rows_by_conversation(sandbox, stream)
    config = settings(sandbox, window_days=1, parallel_downloads=1)
    if maps:
        config["stream_maps"] = {stream: {"__filter__": "True"}}
    batches = batch_config(tmp_path, batch_size=5)
    run = run_tap({**config, "batch_config": batches}, catalog=chosen)
    checks.succeeded(run)
    arrived, states = [], 0
    for message in run.messages:
        if message["type"] == "BATCH":
            for url in message["manifest"]:
                arrived += records_in(Path(url.removeprefix("file://")))
        elif message["type"] == "STATE":
            states += 1
            resumed = checks.succeeded(run_tap(config, state=message["value"], catalog=chosen))
            rows = [*arrived, *resumed.records(stream)]
            found = {key: checks.plain(row) for key, row in by_key(stream, rows).items()}
            assert found == {key: checks.plain(row) for key, row in wanted.items()}
    assert len(run.of("BATCH")) > 1
    assert states >= len(run.of("BATCH"))
    evidence("states of BATCH runs, resumed from", states)


@pytest.mark.parametrize("rows", [0, 1])
def test_an_account_with_few_notes_does_not_repeat_its_backfill(serve, run_tap, tmp_path, rows):
    sandbox = serve(conversations=40, days=20)
    stream = "conversation_notes"
    config = settings(sandbox, window_days=7, batch_config=batch_config(tmp_path))
    answers = [Refusal(200, body='{"data": []}')] * 60
    if rows:
        answers[3] = Refusal(200, body='{"data": [{"id": "n"}]}')
    sandbox.behaviour.api_faults.extend(answers)
    first = checks.succeeded(run_tap(config, catalog=catalog(stream)))
    assert len(batched(first, stream)) == rows
    changes = expected.source(sandbox.data, "conversations").values()
    assert first.bookmark(stream) == expected.iso(max(c["updated_at"] for c in changes))
    before = len(sandbox.answered)
    checks.succeeded(run_tap(config, state=first.state, catalog=catalog(stream)))
    assert len(sandbox.answered) - before < 5
    # What a run has read before it fails, without a row, need not be read again either.
    sandbox.behaviour.api_faults.clear()
    sandbox.behaviour.api_faults.extend([*answers[4:30], Refusal(200, body='{"data": [7]}')])
    failed = run_tap(config, catalog=catalog(stream))
    checks.failed(failed)
    assert failed.bookmark(stream)

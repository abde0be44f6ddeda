"""Every STATE of a BATCH run is a safe place to resume from: what it counts is in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import expected
from tests.conftest import EXPORTS, FAST_PATH, HOUR, SDK_PATH, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.anonymized import some
from tests.end_to_end.batches import batch_config, records_in


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

"""Every STATE is a safe place to resume from: what it counts was emitted, or is in a file."""

from random import Random

import pytest

from tests import expected
from tests.conftest import EXPORTS, FAST_PATH, SDK_PATH, both_paths_slowly
from tests.end_to_end import checks
from tests.end_to_end.anonymized import anonymize
from tests.end_to_end.batches import batch_config, batched
from tests.end_to_end.everything import BY_CONVERSATION, by_key
from tests.end_to_end.loaded import held_at_states, is_whole
from tests.end_to_end.odd_rows import listed
from tests.faults import Refusal

NOTES, RATINGS, _ = BY_CONVERSATION
LOG, ROWS = ["activity_logs"], "analytics_records"
OF_EXPORTS = {"conversations": 60, "days": 80}, {"parallel_downloads": 1}
OF_NOTES = {"conversations": 40, "days": 6}, {"parallel_downloads": 1, "window_days": 1}
FAILING = Refusal(200, body='{"data": [7]}')
slow = pytest.mark.slow


def resumed(account, state, held, *streams):
    """Resume a run from a STATE, into a target that holds rows: it has all of them then."""
    run = checks.succeeded(account.sync(*streams, state=state or {"bookmarks": {}}))
    for stream in streams:
        again = by_key(stream, run.records(stream))
        is_whole(account.sandbox, stream, (held.get(stream, {}) | again).values())
    return run


@both_paths_slowly
def test_every_state_is_a_safe_place_to_resume_from(account_of, options):
    config = {"window_days": 11, **options}
    account = account_of(*EXPORTS, config=config, conversations=250, days=20)
    whole = checks.succeeded(account.sync())
    _, *inner, _ = held_at_states(whole, {})
    assert len(inner) > 10
    for state, held in Random(5).sample(inner, 2):
        run = resumed(account, state, held, *EXPORTS)
        assert [run.bookmark(s) for s in EXPORTS] == [whole.bookmark(s) for s in EXPORTS]
        emitted, both = len(whole.of("RECORD")), sum(map(len, held.values()))
        assert both + len(run.of("RECORD")) - emitted < 0.05 * emitted


@pytest.mark.parametrize(
    ("streams", "size", "options"),
    [
        pytest.param(EXPORTS, 150, SDK_PATH, id="exports, SDK path"),
        pytest.param(EXPORTS, 150, FAST_PATH, id="exports", marks=slow),
        pytest.param(LOG, 150, FAST_PATH, id="log"),
        pytest.param(LOG, 150, SDK_PATH, id="log, SDK path", marks=slow),
        pytest.param([NOTES], 3, FAST_PATH, id="notes"),
        pytest.param([ROWS], 20, FAST_PATH, id="Analytics"),
        pytest.param([RATINGS], 8, FAST_PATH, id="ratings", marks=slow),
        pytest.param([RATINGS], 8, SDK_PATH, id="ratings, SDK path"),
    ],
)
def test_every_state_of_a_batch_run_is_a_safe_place_to_resume_from(
    account_of, tmp_path, streams, size, options
):
    of, config = OF_EXPORTS if streams in (EXPORTS, LOG) else OF_NOTES
    account = account_of(config={**config, **options}, **of)

    def sync(size, state, before, *streams):
        """Sync into files, and from each STATE once more; give the last one, with its rows."""
        batches = {"batch_config": batch_config(tmp_path, batch_size=size)}
        run = account.sync(*streams, state=state, **batches)
        reached = list(held_at_states(checks.succeeded(run), before))
        for state_reached, held in reached:
            resumed(account, state_reached, held, *streams)
        assert len(reached) > 2
        assert len(run.of("BATCH")) > 1
        return reached[-1]

    state, held = sync(size, None, {}, *streams)
    if streams in (EXPORTS, LOG):
        anonymize(account.sandbox, 12)
        # Few enough that the records of a window that is refreshed lie in several files.
        sync(20, state, held, streams[-1])


@pytest.mark.parametrize("stream", BY_CONVERSATION)
def test_notes_and_ratings_go_on_where_a_run_was_stopped(account_of, stream):
    of, config = OF_NOTES
    account = account_of(stream, config=config, **of, api_faults=[*[None] * 20, FAILING])
    failed = account.sync()
    checks.failed(failed)
    resumed(account, failed.state, {stream: by_key(stream, failed.records(stream))}, stream)
    assert len(account.answered) < 40


@pytest.mark.parametrize("rows", [0, 1])
def test_an_account_with_few_notes_does_not_repeat_its_backfill(account_of, tmp_path, rows):
    config = {"window_days": 7, "batch_config": batch_config(tmp_path)}
    answers = [listed()] * 3 + [listed(*[{"id": "n"}] * rows)] + [listed()] * 56
    account = account_of(NOTES, config=config, conversations=40, days=20, api_faults=answers)
    first = checks.succeeded(account.sync())
    assert len(batched(first, NOTES)) == rows
    changes = expected.source(account.data, "conversations").values()
    assert first.bookmark(NOTES) == expected.iso(max(c["updated_at"] for c in changes))
    checks.succeeded(account.sync())
    assert len(account.answered) < 5
    # What a run has read before it fails, without a row, need not be read again either.
    account.behaviour.api_faults.clear()
    account.behaviour.api_faults.extend([*answers[4:30], FAILING])
    failed = account.sync(state={"bookmarks": {}})
    checks.failed(failed)
    assert failed.bookmark(NOTES)


def test_conversations_without_rows_are_in_the_state_too(account_of):
    account = account_of(NOTES, conversations=320, days=6, api_faults=[listed()] * 400)
    run = checks.succeeded(account.sync())
    assert run.records(NOTES) == []
    states = [message["value"]["bookmarks"][NOTES] for message in run.of("STATE")]
    assert len({state.get("replication_key_value") for state in states}) > 2

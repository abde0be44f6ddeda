"""Entries of the activity log about conversations that were anonymized since."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import expected
from tests.conftest import DAY, HOUR, NOON, both_paths_slowly, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.anonymized import anonymize, some
from tests.end_to_end.batches import batch_config, records_in
from tests.end_to_end.refreshed import LOG, entries, log_is_fresh
from tests.faults import Refusal

STREAM = "activity_logs"


@both_paths_slowly
def test_they_are_emitted_again_with_a_request_a_conversation(serve, run_tap, options, evidence):
    sandbox = serve(conversations=200, days=25)
    config, chosen = settings(sandbox, **options), catalog(STREAM)
    first = run_tap(config, catalog=chosen)
    ids = anonymize(sandbox)
    stale = {r["id"] for r in first.records(STREAM) if r["conversationId"] in ids}
    before = len(sandbox.answered)
    second = checks.succeeded(run_tap(config, catalog=chosen, state=first.state))
    paths = [path for path, _, _ in sandbox.answered[before:]]
    assert paths[:2] == [LOG, "/v1/conversation_export"]  # what is new comes first
    assert sorted(paths[2:]) == sorted(f"/v1/conversations/{csid}/activitylog" for csid in ids)
    assert stale <= {r["id"] for r in second.records(STREAM)}
    log_is_fresh(sandbox, first, second)
    assert second.bookmark(STREAM) == max(r["activityTimestamp"] for r in second.records(STREAM))
    assert f"refreshed {len(stale)} records of 3 conversations" in second.log
    # What is done is not repeated.
    sandbox.data.now.now += HOUR
    before = len(sandbox.answered)
    third = run_tap(config, catalog=chosen, state=second.state)
    assert len(sandbox.answered) - before == 2
    assert "refreshed" not in third.log
    evidence("entries of the activity log that were refreshed", len(stale))


def test_an_interrupted_refresh_is_resumed(serve, run_tap):
    sandbox = serve(conversations=60, days=25)
    config, chosen = settings(sandbox, parallel_downloads=1), catalog(STREAM)
    first = run_tap(config, catalog=chosen)
    erased = [conversation["id"] for conversation in some(sandbox, 14)]
    for number in erased:
        sandbox.data.now.now += HOUR // 60
        sandbox.data.anonymize(number)
    sandbox.data.now.now += HOUR
    sandbox.behaviour.api_faults.extend([*[None] * 13, *[Refusal(422)] * 3])
    failed = run_tap(config, catalog=chosen, state=first.state)
    checks.failed(failed)
    before = len(sandbox.answered)
    resumed = checks.succeeded(run_tap(config, catalog=chosen, state=failed.state))
    # At most ten conversations are repeated: here the last one of the ten, and two more.
    again = [path for path, _, _ in sandbox.answered[before:] if path.count("/") == 4]
    assert again == [f"/v1/conversations/{csid}/activitylog" for csid in erased[9:]]
    log_is_fresh(sandbox, first, failed, resumed)


@both_paths_slowly
def test_every_state_of_a_batch_run_is_a_safe_place_to_resume_from(
    serve, run_tap, tmp_path, options, evidence
):
    sandbox = serve(conversations=60, days=25)
    config, chosen = settings(sandbox, **options), catalog(STREAM)
    first = run_tap(config, catalog=chosen)
    for conversation in some(sandbox, 12):
        sandbox.data.now.now += HOUR // 60
        sandbox.data.anonymize(conversation["id"])
    sandbox.data.now.now += HOUR
    batches = {"batch_config": batch_config(tmp_path, batch_size=20)}
    run = checks.succeeded(run_tap({**config, **batches}, catalog=chosen, state=first.state))
    arrived, states = checks.loaded(STREAM, first), {}
    for message in run.messages:
        if message["type"] == "BATCH":
            for url in message["manifest"]:
                rows = records_in(Path(url.removeprefix("file://")))
                arrived |= {row["id"]: row for row in rows}
        elif message["type"] == "STATE":
            states[str(message["value"]["bookmarks"][STREAM]["refresh"])] = (
                message["value"],
                arrived,
            )
            arrived = dict(arrived)
    for state, before in states.values():
        resumed = run_tap(config, catalog=chosen, state=state)
        later = checks.loaded(STREAM, resumed)
        checks.same((before | later).values(), entries(sandbox))
    assert len(states) > 2
    evidence("states of BATCH runs, resumed from", len(states))


def test_a_later_start_date_leaves_older_entries_alone(serve, run_tap):
    sandbox = serve(conversations=60, days=25)
    start = expected.iso(NOON - 12 * DAY)
    config, chosen = settings(sandbox, start_date=start), catalog(STREAM)
    first = run_tap(config, catalog=chosen)
    older, later = some(sandbox, 2)
    for conversation in (older, later):
        sandbox.data.anonymize(conversation["id"])
    sandbox.data.now.now += HOUR
    second = checks.succeeded(run_tap(config, catalog=chosen, state=first.state))
    assert "WARNING" not in second.log
    wanted = {key: r for key, r in entries(sandbox).items() if r["activityTimestamp"] >= start}
    checks.loaded_exactly(STREAM, wanted, first, second)
    assert later["id"] in {r["conversationId"] for r in second.records(STREAM)}


def test_a_conversation_that_dixa_has_no_log_of_is_named_in_a_warning(serve, run_tap):
    sandbox = serve(conversations=60, days=25)
    config, chosen = settings(sandbox, parallel_downloads=1), catalog(STREAM)
    first = run_tap(config, catalog=chosen)
    ids = anonymize(sandbox)
    lost = min(ids)
    sandbox.behaviour.missing.add(f"/v1/conversations/{lost}/activitylog")
    second = checks.succeeded(run_tap(config, catalog=chosen, state=first.state))
    (warning,) = checks.warnings(second)
    assert f"entries of 1 anonymized conversations (such as {lost}) are not refreshed" in warning
    refreshed = {r["conversationId"] for r in second.records(STREAM)}
    assert refreshed >= ids - {lost}


EMPTY = Refusal(200, body='{"data": []}')


def everyone(sandbox):
    """Give the path of each conversation's log."""
    conversations = expected.source(sandbox.data, "conversations")
    return {f"/v1/conversations/{number}/activitylog" for number in conversations}


@pytest.mark.parametrize("kind", ["404", "empty", "404, then empty", "empty, then 422"])
def test_if_dixa_sends_the_log_of_no_conversation_none_counts_as_refreshed(serve, run_tap, kind):
    sandbox = serve(conversations=60, days=25)
    config, chosen = settings(sandbox, parallel_downloads=1), catalog(STREAM)
    first = run_tap(config, catalog=chosen)
    anonymize(sandbox)
    if kind == "404":
        sandbox.behaviour.missing |= everyone(sandbox)
    else:
        refusals = {
            "empty": [],
            "404, then empty": [Refusal(404)] * 2,
            "empty, then 422": [EMPTY, Refusal(422)],
        }
        sandbox.behaviour.api_faults.extend([None, *refusals[kind], *[EMPTY] * 9])
    second = checks.succeeded(run_tap(config, catalog=chosen, state=first.state))
    (warning,) = checks.warnings(second)
    assert "records of anonymized conversations are not refreshed: " in warning
    places = [run.state["bookmarks"][STREAM]["refresh"] for run in (first, second)]
    assert places[0] == places[1]
    # The next run tries again.
    sandbox.behaviour.missing.clear()
    sandbox.behaviour.api_faults.clear()
    third = checks.succeeded(run_tap(config, catalog=chosen, state=second.state))
    assert "WARNING" not in third.log
    log_is_fresh(sandbox, first, second, third)


@pytest.mark.parametrize("count", [1, 12])
def test_logs_that_are_gone_are_passed_by_if_dixa_sends_that_of_another_conversation(
    serve, run_tap, count
):
    sandbox = serve(conversations=100, days=25)
    config, chosen = settings(sandbox, parallel_downloads=1), catalog(STREAM)
    first = run_tap(config, catalog=chosen)
    gone = [conversation["id"] for conversation in some(sandbox, count)]
    for number in gone:
        sandbox.data.anonymize(number)
    sandbox.data.now.now += DAY  # others changed, too
    sandbox.behaviour.missing |= {f"/v1/conversations/{csid}/activitylog" for csid in gone}
    answered = len(sandbox.answered)
    second = checks.succeeded(run_tap(config, catalog=chosen, state=first.state))
    (warning,) = checks.warnings(second)
    assert f"entries of {count} anonymized conversations (such as " in warning
    places = [run.state["bookmarks"][STREAM]["refresh"] for run in (first, second)]
    assert places[0]["conversations"] < places[1]["conversations"]
    controls = {path for path, _, status in sandbox.answered[answered:] if status == 200}
    assert len(controls) == 3  # the log, the search, and the log of another conversation
    third = run_tap(config, catalog=chosen, state=second.state)
    assert "WARNING" not in third.log


def test_logs_that_exist_under_beta_alone_are_read_although_the_first_one_is_gone(serve, run_tap):
    sandbox = serve(conversations=60, days=25)
    config, chosen = settings(sandbox), catalog(STREAM)
    first = run_tap(config, catalog=chosen)
    erased = [conversation["id"] for conversation in some(sandbox, 6)]
    for number in erased:
        sandbox.data.now.now += HOUR // 60
        sandbox.data.anonymize(number)
    sandbox.data.now.now += HOUR
    sandbox.behaviour.beta_only |= everyone(sandbox)
    sandbox.behaviour.missing.add(f"/v1/conversations/{erased[0]}/activitylog")
    second = checks.succeeded(run_tap(config, catalog=chosen, state=first.state))
    (warning,) = checks.warnings(second)
    assert f"entries of 1 anonymized conversations (such as {erased[0]}) are not" in warning
    assert {r["conversationId"] for r in second.records(STREAM)} >= {*erased[1:]}


@pytest.mark.parametrize("missing", ["conversations", "their logs"])
def test_without_a_right_new_entries_still_come(serve, run_tap, missing):
    sandbox = serve(conversations=60, days=25)
    chosen = catalog(STREAM)
    first = run_tap(settings(sandbox), catalog=chosen)
    ids = anonymize(sandbox)
    if missing == "conversations":
        sandbox.behaviour.faults.append(Refusal(403))
    else:
        sandbox.behaviour.forbidden |= {f"/v1/conversations/{csid}/": 403 for csid in ids}
    second = checks.succeeded(run_tap(settings(sandbox), catalog=chosen, state=first.state))
    assert second.log.count("records of anonymized conversations are not refreshed") == 1
    assert checks.loaded(STREAM, first, second).keys() == entries(sandbox).keys()
    # With the right, it is made up for.
    sandbox.behaviour.forbidden.clear()
    third = run_tap(settings(sandbox), catalog=chosen, state=second.state)
    log_is_fresh(sandbox, first, second, third)


def test_an_entry_that_cannot_be_used_fails_the_stream_with_one_line(serve, run_tap):
    sandbox = serve(conversations=60, days=25)
    chosen = catalog(STREAM)
    first = run_tap(settings(sandbox), catalog=chosen)
    anonymize(sandbox)
    body = json.dumps({"data": [{"id": "x", "activityTimestamp": "soon"}]})
    sandbox.behaviour.api_faults.extend([None, Refusal(200, body=body)])
    second = run_tap(settings(sandbox), catalog=chosen, state=first.state)
    assert "a record that cannot be used" in checks.failed(second)

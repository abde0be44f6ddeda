"""Entries of the activity log about conversations that were anonymized since."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import expected
from tests.conftest import DAY, NOON, both_paths_slowly
from tests.end_to_end import checks
from tests.end_to_end.account import refreshed_to
from tests.end_to_end.anonymized import anonymize, anonymize_in_turn, some
from tests.end_to_end.batches import batch_config, records_in
from tests.end_to_end.refreshed import LOG, entries
from tests.faults import Refusal

STREAM = "activity_logs"
EMPTY = Refusal(200, body='{"data": []}')


@pytest.fixture
def account(account_of):
    return account_of(STREAM, config={"parallel_downloads": 1}, conversations=60, days=25)


def logs_of(conversations):
    """Give the paths of conversations' logs."""
    return {f"/v1/conversations/{csid}/activitylog" for csid in conversations}


def logs_of_all(account):
    return logs_of(expected.source(account.data, "conversations"))


@both_paths_slowly
def test_they_are_emitted_again_with_a_request_a_conversation(account, options, evidence):
    first = account.sync(**options)
    ids = anonymize(account.sandbox)
    stale = {r["id"] for r in first.records(STREAM) if r["conversationId"] in ids}
    second = checks.succeeded(account.sync(**options))
    assert account.paths[:2] == [LOG, "/v1/conversation_export"]  # what is new comes first
    assert sorted(account.paths[2:]) == sorted(logs_of(ids))
    assert stale <= {r["id"] for r in second.records(STREAM)}
    account.log_is_fresh()
    assert second.bookmark(STREAM) == max(r["activityTimestamp"] for r in second.records(STREAM))
    assert f"refreshed {len(stale)} records of 3 conversations" in second.log
    # What is done is not repeated.
    account.wait()
    assert "refreshed" not in account.sync(**options).log
    assert len(account.paths) == 2
    evidence("entries of the activity log that were refreshed", len(stale))


def test_an_interrupted_refresh_is_resumed(account):
    account.sync()
    erased = anonymize_in_turn(account.sandbox, 14)
    account.behaviour.api_faults.extend([*[None] * 13, *[Refusal(422)] * 3])
    checks.failed(account.sync())
    checks.succeeded(account.sync())
    # At most ten conversations are repeated: here the last one of the ten, and two more.
    assert account.logs_asked == erased[9:]
    account.log_is_fresh()


@both_paths_slowly
def test_every_state_of_a_batch_run_is_a_safe_place_to_resume_from(
    account, tmp_path, options, evidence
):
    first = account.sync(**options)
    anonymize_in_turn(account.sandbox, 12)
    run = account.sync(batch_config=batch_config(tmp_path, batch_size=20), **options)
    arrived, states = checks.loaded(STREAM, first), {}
    for message in checks.succeeded(run).messages:
        if message["type"] == "BATCH":
            for url in message["manifest"]:
                rows = records_in(Path(url.removeprefix("file://")))
                arrived |= {row["id"]: row for row in rows}
        elif message["type"] == "STATE":
            refresh = message["value"]["bookmarks"][STREAM]["refresh"]
            states[str(refresh)] = (message["value"], dict(arrived))
    for state, before in states.values():
        resumed = checks.loaded(STREAM, account.sync(state=state, **options))
        checks.same((before | resumed).values(), entries(account.sandbox))
    assert len(states) > 2
    evidence("states of BATCH runs, resumed from", len(states))


def test_a_later_start_date_leaves_older_entries_alone(account):
    start = expected.iso(NOON - 12 * DAY)
    account.sync(start_date=start)
    older, later = some(account.sandbox, 2)
    for conversation in (older, later):
        account.data.anonymize(conversation["id"])
    account.wait()
    second = checks.succeeded(account.sync(start_date=start))
    assert checks.warnings(second) == []
    wanted = {
        key: r for key, r in entries(account.sandbox).items() if r["activityTimestamp"] >= start
    }
    checks.loaded_exactly(STREAM, wanted, *account.runs)
    assert later["id"] in {r["conversationId"] for r in second.records(STREAM)}


@pytest.mark.parametrize("kind", ["404", "empty", "404, then empty", "empty, then 422"])
def test_if_dixa_sends_the_log_of_no_conversation_none_counts_as_refreshed(account, kind):
    first = account.sync()
    anonymize(account.sandbox)
    if kind == "404":
        account.behaviour.missing |= logs_of_all(account)
    else:
        refusals = {"404, then empty": [Refusal(404)] * 2, "empty, then 422": [EMPTY, Refusal(422)]}
        account.behaviour.api_faults.extend([None, *refusals.get(kind, []), *[EMPTY] * 9])
    second = checks.succeeded(account.sync())
    (warning,) = checks.warnings(second)
    assert "records of anonymized conversations are not refreshed: " in warning
    assert refreshed_to(second, STREAM) == refreshed_to(first, STREAM)
    # The next run tries again.
    account.behaviour.missing.clear()
    account.behaviour.api_faults.clear()
    assert checks.warnings(checks.succeeded(account.sync())) == []
    account.log_is_fresh()


@pytest.mark.parametrize("count", [1, 12])
def test_logs_that_are_gone_are_passed_by_if_dixa_sends_that_of_another_conversation(
    account_of, count
):
    account = account_of(STREAM, conversations=100, days=25)
    first = account.sync()
    gone = [conversation["id"] for conversation in some(account.sandbox, count)]
    for number in gone:
        account.data.anonymize(number)
    account.wait(DAY)  # others changed, too
    account.behaviour.missing |= logs_of(gone)
    second = checks.succeeded(account.sync())
    (warning,) = checks.warnings(second)
    assert f"entries of {count} anonymized conversations (such as " in warning
    before, after = (refreshed_to(run, STREAM)["conversations"] for run in (first, second))
    assert before < after
    # The log, the search, and the log of another conversation.
    assert len({path for path, _, status in account.answered if status == 200}) == 3
    assert checks.warnings(account.sync()) == []


def test_logs_that_exist_under_beta_alone_are_read_although_the_first_one_is_gone(account):
    account.sync()
    erased = anonymize_in_turn(account.sandbox, 6)
    account.behaviour.beta_only |= logs_of_all(account)
    account.behaviour.missing |= logs_of(erased[:1])
    second = checks.succeeded(account.sync())
    (warning,) = checks.warnings(second)
    assert f"entries of 1 anonymized conversations (such as {erased[0]}) are not" in warning
    assert {r["conversationId"] for r in second.records(STREAM)} >= {*erased[1:]}


@pytest.mark.parametrize("missing", ["conversations", "their logs"])
def test_without_a_right_new_entries_still_come(account, missing):
    account.sync()
    ids = anonymize(account.sandbox)
    if missing == "conversations":
        account.behaviour.faults.append(Refusal(403))
    else:
        account.behaviour.forbidden |= dict.fromkeys(logs_of(ids), 403)
    second = checks.succeeded(account.sync())
    assert second.log.count("records of anonymized conversations are not refreshed") == 1
    assert checks.loaded(STREAM, *account.runs).keys() == entries(account.sandbox).keys()
    # With the right, it is made up for.
    account.behaviour.forbidden.clear()
    account.sync()
    account.log_is_fresh()


def test_an_entry_that_cannot_be_used_fails_the_stream_with_one_line(account):
    account.sync()
    anonymize(account.sandbox)
    body = json.dumps({"data": [{"id": "x", "activityTimestamp": "soon"}]})
    account.behaviour.api_faults.extend([None, Refusal(200, body=body)])
    assert "a record that cannot be used" in checks.failed(account.sync())

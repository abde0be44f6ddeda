"""Entries of the activity log about conversations that were anonymized since."""

from __future__ import annotations

import pytest

from tests import expected
from tests.conftest import DAY, NOON, both_paths_slowly
from tests.end_to_end import checks
from tests.end_to_end.account import refreshed_to
from tests.end_to_end.anonymized import anonymize, anonymize_in_turn, some
from tests.end_to_end.batches import batch_config
from tests.end_to_end.everything import LOG, by_key, entries
from tests.end_to_end.loaded import held_at_states, is_whole
from tests.faults import Refusal, page_of

STREAM = "activity_logs"


@pytest.fixture
def account(account_of):
    return account_of(STREAM, config={"parallel_downloads": 1}, conversations=60, days=25)


def logs_of(conversations):
    """Give the paths of conversations' logs."""
    return {f"/v1/conversations/{csid}/activitylog" for csid in conversations}


def logs_of_all(account):
    return logs_of(conversation["id"] for conversation in account.source("conversations"))


@both_paths_slowly
def test_they_are_emitted_again_with_a_request_a_conversation(account, options, evidence):
    first = account.sync(**options)
    ids = anonymize(account.sandbox)
    stale = {r["id"] for r in first.records(STREAM) if r["conversationId"] in ids}
    second = account.synced(**options)
    assert account.paths[:2] == [LOG, "/v1/conversation_export"]  # what is new comes first
    assert sorted(account.paths[2:]) == sorted(logs_of(ids))
    assert stale <= {r["id"] for r in second.records(STREAM)}
    account.is_fresh()
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
    account.failure()
    account.synced()
    # At most ten conversations are repeated: here the last one of the ten, and two more.
    assert account.logs_asked == erased[9:]
    account.is_fresh()


@both_paths_slowly
def test_every_state_of_a_batch_run_is_a_safe_place_to_resume_from(
    account, tmp_path, options, evidence
):
    before = {STREAM: by_key(STREAM, account.sync(**options).records(STREAM))}
    anonymize_in_turn(account.sandbox, 12)
    run = account.synced(batch_config=batch_config(tmp_path, batch_size=20), **options)
    # One of those that say the same of the refresh.
    states = {
        str(refreshed_to(state, STREAM)): (state, held)
        for state, held in held_at_states(run, before)
    }
    for state, held in states.values():
        again = account.synced(state=state, **options).records(STREAM)
        is_whole(account.sandbox, STREAM, [*held[STREAM].values(), *again])
    assert len(states) > 2
    evidence("states of BATCH runs, resumed from", len(states))


def test_a_later_start_date_leaves_older_entries_alone(account):
    start = expected.iso(NOON - 12 * DAY)
    account.sync(start_date=start)
    older, later = some(account.sandbox, 2)
    for conversation in (older, later):
        account.data.anonymize(conversation["id"])
    account.wait()
    second = account.synced(start_date=start)
    assert checks.warnings(second) == []
    known = entries(account.sandbox).items()
    wanted = {key: r for key, r in known if r["activityTimestamp"] >= start}
    checks.loaded_exactly(STREAM, wanted, *account.runs)
    assert later["id"] in {r["conversationId"] for r in second.records(STREAM)}


EMPTY = [page_of([])] * 9
REFUSED = {
    "404": [Refusal(404)] * 18,  # under /beta too
    "403": [Refusal(403)] * 9,
    "empty": EMPTY,
    "404, then empty": [*[Refusal(404)] * 2, *EMPTY],
    "empty, then 422": [*EMPTY[:1], Refusal(422), *EMPTY],
}


@pytest.mark.parametrize("refusals", REFUSED.values(), ids=REFUSED)
def test_if_dixa_sends_the_log_of_no_conversation_none_counts_as_refreshed(account, refusals):
    first = account.sync()
    anonymize(account.sandbox)
    account.behaviour.api_faults.extend([None, *refusals])
    second = account.synced()
    (warning,) = checks.warnings(second)
    assert "records of anonymized conversations are not refreshed: " in warning
    assert refreshed_to(second.state, STREAM) == refreshed_to(first.state, STREAM)
    # The next run tries again.
    account.behaviour.api_faults.clear()
    assert checks.warnings(account.synced()) == []
    account.is_fresh()


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
    second = account.synced()
    (warning,) = checks.warnings(second)
    assert f"entries of {count} anonymized conversations (such as " in warning
    before, after = (refreshed_to(run.state, STREAM)["conversations"] for run in (first, second))
    assert before < after
    # The log, the search, and the log of another conversation.
    assert len({path for path, _, status in account.answered if status == 200}) == 3
    assert checks.warnings(account.sync()) == []


def test_logs_that_exist_under_beta_alone_are_read_although_the_first_one_is_gone(account):
    account.sync()
    erased = anonymize_in_turn(account.sandbox, 6)
    account.behaviour.beta_only |= logs_of_all(account)
    account.behaviour.missing |= logs_of(erased[:1])
    second = account.synced()
    (warning,) = checks.warnings(second)
    assert f"entries of 1 anonymized conversations (such as {erased[0]}) are not" in warning
    assert {r["conversationId"] for r in second.records(STREAM)} >= {*erased[1:]}


def test_an_entry_that_cannot_be_used_fails_the_stream_with_one_line(account):
    account.sync()
    anonymize(account.sandbox)
    odd = page_of([{"id": "x", "activityTimestamp": "soon"}])
    account.behaviour.api_faults.extend([None, odd])
    assert "a record that cannot be used" in account.failure()

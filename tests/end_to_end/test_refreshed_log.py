"""Entries of the activity log about conversations that were anonymized since."""

import pytest

from tests import expected
from tests.conftest import DAY, NOON, both_paths_slowly
from tests.end_to_end import checks
from tests.end_to_end.account import refreshed_to
from tests.end_to_end.anonymized import anonymize, some
from tests.end_to_end.everything import LOG, entries
from tests.faults import Odd, Refusal, page_of

STREAM = "activity_logs"


@pytest.fixture
def account(account_of):
    return account_of(STREAM, config={"parallel_downloads": 1}, conversations=100, days=25)


@pytest.fixture
def erased(account):
    """Load the log, and anonymize conversations since: give a function that says how many."""
    account.sync()
    return lambda count: anonymize(account.sandbox, count)


def next_run_makes_up_for_it(account):
    account.behaviour.api_faults.clear()
    assert checks.warnings(account.synced()) == []
    account.is_fresh()


def logs_of(conversations):
    """Give the paths of conversations' logs."""
    return {f"/v1/conversations/{csid}/activitylog" for csid in conversations}


@both_paths_slowly
def test_they_are_emitted_again_with_a_request_a_conversation(account, options):
    first = account.sync(**options)
    ids = anonymize(account.sandbox)
    stale = {r["id"] for r in first.records(STREAM) if r["conversationId"] in ids}
    second = account.synced(**options)
    assert account.paths[:2] == [LOG, "/v1/conversation_export"]  # what is new comes first
    assert account.logs_asked == ids
    assert stale <= {r["id"] for r in second.records(STREAM)}
    account.is_fresh()
    assert second.bookmark(STREAM) == max(r["activityTimestamp"] for r in second.records(STREAM))
    assert f"refreshed {len(stale)} records of 3 conversations" in second.log


def test_an_interrupted_refresh_is_resumed(account, erased):
    chosen = erased(14)
    account.behaviour.api_faults.extend([*[None] * 13, *[Refusal(422)] * 3])
    account.failure()
    account.synced()
    # At most ten conversations are repeated: here the last one of the ten, and two more.
    assert account.logs_asked == chosen[9:]
    account.is_fresh()


def test_a_later_start_date_leaves_older_entries_alone(account):
    start = expected.iso(NOON - 12 * DAY)
    account.sync(start_date=start)
    *_, later = anonymize(account.sandbox)
    second = account.synced(start_date=start)
    assert checks.warnings(second) == []
    known = entries(account.sandbox).items()
    wanted = {key: r for key, r in known if r["activityTimestamp"] >= start}
    checks.loaded_exactly(STREAM, wanted, *account.runs)
    assert later in {r["conversationId"] for r in second.records(STREAM)}


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
    next_run_makes_up_for_it(account)


def test_a_log_that_dixa_refuses_is_passed_by_with_one_warning(account, erased):
    chosen = erased(7)
    refused = [Refusal(403), Refusal(422), page_of([]), Refusal(400), None, Refusal(410)]
    account.behaviour.api_faults.extend([None, *refused])
    second = account.synced()
    assert account.logs_asked == chosen
    (warning,) = checks.warnings(second)
    assert f"log entries of 5 anonymized conversations (such as {chosen[0]}) are not" in warning
    refreshed = {r["conversationId"] for r in second.records(STREAM)}
    assert refreshed & {*chosen} == {chosen[4], chosen[6]}
    assert "of 2 conversations, of which Dixa erased personal data" in second.log
    assert checks.warnings(account.sync()) == []
    assert account.logs_asked == []


@pytest.mark.parametrize(
    ("status", "ends_with"), [pytest.param(403, 0, marks=pytest.mark.slow), (422, 1)]
)
def test_if_dixa_refuses_all_from_one_on_none_is_passed_by(account, erased, status, ends_with):
    erased(14)
    account.behaviour.api_faults.extend([None, None, *[Refusal(status)] * 12])
    assert account.sync().status == ends_with
    # Ten in a row, and one that Dixa has sent before. One more may be requested already.
    assert len(account.logs_asked) in {12, 13}
    next_run_makes_up_for_it(account)


def test_a_conversation_from_the_future_does_not_move_the_place(account, erased):
    erased(3)
    text = '{"id": %d, "updated_at": 4000000000000, "anonymized_at": 1}'
    others = [text % conversation["id"] for conversation in some(account.sandbox, 10)]
    account.behaviour.faults.append(Odd(", ".join(others)))
    account.behaviour.api_faults.extend([*[None] * 11, *[Refusal(422)] * 4])
    account.failure()
    next_run_makes_up_for_it(account)


@pytest.mark.parametrize("count", [1, 12])
def test_logs_that_are_gone_are_passed_by_if_dixa_sends_that_of_another_conversation(
    account, count
):
    first = account.sync()
    gone = anonymize(account.sandbox, count)
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


def test_logs_that_exist_under_beta_alone_are_read_although_the_first_one_is_gone(account, erased):
    chosen = erased(6)
    account.behaviour.beta_only |= logs_of(c["id"] for c in account.source("conversations"))
    account.behaviour.missing |= logs_of(chosen[:1])
    second = account.synced()
    (warning,) = checks.warnings(second)
    assert f"entries of 1 anonymized conversations (such as {chosen[0]}) are not" in warning
    assert {r["conversationId"] for r in second.records(STREAM)} >= {*chosen[1:]}


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([Refusal(500)] * 8, "/v1/conversations/{}/activitylog could not be read: "),
        ([page_of([{"id": "x", "activityTimestamp": "soon"}])], "conversation {}: Dixa sent a rec"),
    ],
    ids=["unavailable", "unusable"],
)
def test_a_log_that_cannot_be_read_is_named(account, erased, answers, said):
    first, _ = erased(2)
    account.behaviour.api_faults.extend([None, *answers])
    assert said.format(first) in account.failure()
    next_run_makes_up_for_it(account)

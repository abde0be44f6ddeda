"""One conversation that Dixa does not serve keeps nothing else from being refreshed."""

from __future__ import annotations

import re

import pytest

from tests import expected
from tests.conftest import DAY, HOUR, both_paths_slowly
from tests.end_to_end import checks
from tests.end_to_end.account import refreshed_to
from tests.end_to_end.anonymized import anonymize_in_turn, redact, some
from tests.faults import Odd, Refusal, page_of
from tests.faulty_sandbox import intervals

LOG = "activity_logs"
TALKATIVE = """
from tap_dixa.__main__ import main
from tap_dixa.read import refresh
refresh._PROGRESS_INTERVAL = 0
main()
"""
"""Run the tap, with a log line about the refresh wherever it can be resumed."""


@pytest.fixture
def account(account_of):
    one_by_one = {"parallel_downloads": 1}
    return account_of(LOG, config=one_by_one, conversations=150, days=80)


@pytest.fixture
def erased(account):
    """Load the log, and anonymize conversations since: give a function that says how many."""
    account.sync()
    return lambda count: anonymize_in_turn(account.sandbox, count)


def next_run_makes_up_for_it(account, stream=LOG, **changes):
    account.behaviour.api_faults.clear()
    account.synced(stream, **changes)
    account.is_fresh(stream)


def test_a_log_that_dixa_refuses_is_passed_by_with_one_warning(account, erased):
    chosen = erased(7)
    refused = [Refusal(403), Refusal(422), page_of([]), Refusal(400), None, Refusal(410)]
    account.behaviour.api_faults.extend([None, *refused])
    second = account.synced()
    assert account.logs_asked == chosen
    (warning,) = checks.warnings(second)
    assert f"log entries of 5 anonymized conversations (such as {chosen[0]}) are not" in warning
    refreshed = {r["conversationId"] for r in second.records(LOG)}
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


def test_a_conversation_whose_log_stays_unavailable_is_named(account, erased):
    first, _ = erased(2)
    account.behaviour.api_faults.extend([None, *[Refusal(500)] * 8])
    failure = account.failure()
    assert f"/v1/conversations/{first}/activitylog could not be read: " in failure
    next_run_makes_up_for_it(account)


@pytest.mark.parametrize(
    ("status", "attempts"), [(400, 3), pytest.param(504, 4 + 1 + 1, marks=pytest.mark.slow)]
)
def test_conversations_that_dixa_does_not_export_by_their_ids_are_searched_for(
    account, status, attempts
):
    account.sync("messages")
    redact(account.sandbox, count=4)
    account.behaviour.faults.extend([None, None, *[Refusal(status)] * attempts])
    second = account.synced("messages")
    ids = dict.fromkeys(query["csids"] for _, query, _ in account.answered if "csids" in query)
    # Four, two and one: no more are requested, because all messages have to be searched anyway.
    assert [text.count(",") + 1 for text in ids] == [4, 2, 1]
    assert second.log.count("when the messages of 4 anonymized or redacted conversations") == 1
    account.is_fresh("messages")


@both_paths_slowly
def test_the_state_says_what_was_refreshed_before_more_is_emitted(account, options):
    first = account.sync("messages", LOG, **options)
    before = account.data.now()
    chosen = anonymize_in_turn(account.sandbox, 12)
    program = ("-c", TALKATIVE)
    second = account.synced("messages", LOG, program=program, window_days=2, **options)
    for stream in ("messages", LOG):
        assert re.search(rf"{stream}: refreshed [1-9]\d* records of 1\d conv\S+ so far", second.log)
    # Whatever is lost by a kill, it is a window of messages, or the entries of ten conversations.
    tenth = expected.iso(before + 10 * HOUR // 60)
    state, newest, logs, known = first.state, 0, set(), []
    for message in second.messages:
        state = message.get("value", state)
        record = message.get("record", {})
        if record.get("csid") in chosen and record["created_at"] < first.bookmark("messages"):
            created = expected.milliseconds(record["created_at"])
            # More than a window later, and so in another one.
            if newest and created - newest > 2 * DAY:
                known.append(refreshed_to(state, "messages")["messages"] > expected.iso(newest))
            newest = created
        elif record.get("conversationId") in chosen:
            logs.add(record["conversationId"])
            if len(logs) == 11:
                known.append(refreshed_to(state, LOG)["conversations"] == tenth)
    assert len(known) > 5
    assert all(known)
    # As for what is new, no request is for more than window_days.
    asked = [query for path, query, _ in account.answered if path == "/v1/message_export"]
    lengths = [end - start for query in asked for start, end in intervals(query)]
    assert max(lengths) <= 2 * DAY + 2000


def test_a_right_to_the_log_that_ends_half_way_hides_no_message(account):
    account.sync("messages")
    account.wait(2 * DAY)
    redact(account.sandbox)
    changes = {"window_days": 1, "end_date": expected.iso(account.data.now())}
    account.behaviour.api_faults.extend([None, *[Refusal(403)] * 9])
    second = account.synced("messages", **changes)
    assert second.log.count("are not refreshed: ") == 1
    next_run_makes_up_for_it(account, "messages", **changes)

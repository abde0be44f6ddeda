"""One conversation that Dixa does not serve keeps nothing else from being refreshed."""

from __future__ import annotations

import re

import pytest

from tests import expected
from tests.conftest import DAY, HOUR, both_paths_slowly
from tests.end_to_end import checks
from tests.end_to_end.anonymized import anonymize_in_turn, redact, some
from tests.faults import Odd, Refusal

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


def test_a_log_that_dixa_refuses_is_passed_by_with_one_warning(account):
    account.sync()
    chosen = anonymize_in_turn(account.sandbox, 7)
    empty = Refusal(200, body='{"data": []}')
    refused = [Refusal(403), Refusal(422), empty, Refusal(400), None, Refusal(410)]
    account.behaviour.api_faults.extend([None, *refused])
    second = checks.succeeded(account.sync())
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
def test_if_dixa_refuses_all_from_one_on_none_is_passed_by(account, status, ends_with):
    account.sync()
    anonymize_in_turn(account.sandbox, 14)
    account.behaviour.api_faults.extend([None, None, *[Refusal(status)] * 12])
    assert account.sync().status == ends_with
    # Ten in a row, and one that Dixa has sent before. One more may be requested already.
    assert len(account.logs_asked) in {12, 13}
    account.behaviour.api_faults.clear()
    checks.succeeded(account.sync())
    account.log_is_fresh()


def test_a_conversation_from_the_future_does_not_move_the_place(account):
    account.sync()
    anonymize_in_turn(account.sandbox, 3)
    others = [c["id"] for c in some(account.sandbox, 10)]
    text = '{"id": %d, "updated_at": 4000000000000, "anonymized_at": 1}'
    account.behaviour.faults.append(Odd(", ".join(text % number for number in others)))
    account.behaviour.api_faults.extend([*[None] * 11, *[Refusal(422)] * 4])
    checks.failed(account.sync())
    account.behaviour.api_faults.clear()
    checks.succeeded(account.sync())
    account.log_is_fresh()


def test_a_conversation_whose_log_stays_unavailable_is_named(account):
    account.sync()
    chosen = anonymize_in_turn(account.sandbox, 2)
    account.behaviour.api_faults.extend([None, *[Refusal(500)] * 8])
    assert f"/v1/conversations/{chosen[0]}/activitylog could not be read: " in checks.failed(
        account.sync()
    )
    checks.succeeded(account.sync())
    account.log_is_fresh()


@pytest.mark.parametrize(
    ("status", "attempts"), [(400, 3), pytest.param(504, 4 + 1 + 1, marks=pytest.mark.slow)]
)
def test_conversations_that_dixa_does_not_export_by_their_ids_are_searched_for(
    account, status, attempts
):
    account.sync("messages")
    redact(account.sandbox, count=4)
    account.behaviour.faults.extend([None, None, *[Refusal(status)] * attempts])
    second = checks.succeeded(account.sync("messages"))
    ids = dict.fromkeys(query["csids"] for _, query, _ in account.answered if "csids" in query)
    # Four, two and one: no more are requested, because all messages have to be searched anyway.
    assert [text.count(",") + 1 for text in ids] == [4, 2, 1]
    assert second.log.count("when the messages of 4 anonymized or redacted conversations") == 1
    account.messages_are_fresh()


@both_paths_slowly
def test_the_state_says_what_was_refreshed_before_more_is_emitted(account, options):
    first = account.sync("messages", LOG, **options)
    before = account.data.now()
    chosen = anonymize_in_turn(account.sandbox, 12)
    program = ("-c", TALKATIVE)
    second = account.sync("messages", LOG, program=program, window_days=2, **options)
    checks.succeeded(second)
    for stream in ("messages", LOG):
        assert re.search(rf"{stream}: refreshed [1-9]\d* records of 1\d conv\S+ so far", second.log)
    # Whatever is lost by a kill, it is a window of messages, or the entries of ten conversations.
    bookmarks, emitted, known = first.state["bookmarks"], {"messages": "", LOG: []}, []
    for message in second.messages:
        if message["type"] == "STATE":
            bookmarks = message["value"]["bookmarks"]
        elif message["type"] == "RECORD" and message["stream"] == "messages":
            created = message["record"]["created_at"]
            if message["record"]["csid"] in chosen and created < first.bookmark("messages"):
                # More than a window later, and so in another one.
                if emitted["messages"] and later(created, emitted["messages"], 2 * DAY):
                    known.append(bookmarks["messages"]["refresh"]["messages"] > emitted["messages"])
                emitted["messages"] = created
        elif message["type"] == "RECORD" and message["record"]["conversationId"] in chosen:
            emitted[LOG].append(message["record"]["conversationId"])
            if len(set(emitted[LOG])) == 11:
                tenth = expected.iso(before + 10 * HOUR // 60)
                known.append(bookmarks[LOG]["refresh"]["conversations"] == tenth)
    assert len(known) > 5
    assert all(known)
    # As for what is new, no request is for more than window_days.
    for path, query, _ in account.answered:
        if path == "/v1/message_export":
            length = int(query["created_before"]) - int(query["created_after"])
            assert length <= 2 * DAY + 2000


def later(one, other, milliseconds):
    return expected.milliseconds(one) - expected.milliseconds(other) > milliseconds


def test_a_right_to_the_log_that_ends_half_way_hides_no_message(account):
    account.sync("messages")
    account.wait(2 * DAY)
    redact(account.sandbox)
    changes = {"window_days": 1, "end_date": expected.iso(account.data.now())}
    account.behaviour.api_faults.extend([None, *[Refusal(403)] * 9])
    second = checks.succeeded(account.sync("messages", **changes))
    assert second.log.count("are not refreshed: ") == 1
    account.behaviour.api_faults.clear()
    checks.succeeded(account.sync("messages", **changes))
    account.messages_are_fresh()

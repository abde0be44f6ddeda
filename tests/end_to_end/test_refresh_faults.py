"""One conversation that Dixa does not serve keeps nothing else from being refreshed."""

from __future__ import annotations

import re

import pytest

from tests import expected
from tests.conftest import DAY, HOUR, both_paths_slowly
from tests.end_to_end import checks
from tests.end_to_end.anonymized import redact, some
from tests.end_to_end.refreshed import log_is_fresh, messages_are_fresh, synced
from tests.faults import Odd, Refusal

LOG = "activity_logs"
MINUTE = HOUR // 60
TALKATIVE = """
from tap_dixa.__main__ import main
from tap_dixa.streams import refresh
refresh._PROGRESS_INTERVAL = 0
main()
"""
"""Run the tap, with a log line about the refresh wherever it can be resumed."""


@pytest.fixture
def account(serve, run_tap):
    return synced(serve(conversations=200, days=80), run_tap, parallel_downloads=1)


def anonymize(sandbox, count):
    """Anonymize conversations, a minute after each other; give their ids in this order."""
    chosen = [conversation["id"] for conversation in some(sandbox, count)]
    for number in chosen:
        sandbox.data.now.now += MINUTE
        sandbox.data.anonymize(number)
    sandbox.data.now.now += HOUR
    return chosen


def about(sandbox, before):
    """Give the conversations whose log was requested."""
    paths = [path.split("/") for path, _, _ in sandbox.answered[before:]]
    return [int(parts[3]) for parts in paths if len(parts) == 5]


def test_a_log_that_dixa_refuses_is_passed_by_with_one_warning(account):
    sandbox, sync, _ = account
    sync(LOG)
    chosen = anonymize(sandbox, 7)
    empty = Refusal(200, body='{"data": []}')
    refused = [Refusal(403), Refusal(422), empty, Refusal(400), None, Refusal(410)]
    sandbox.behaviour.api_faults.extend([None, *refused])
    before = len(sandbox.answered)
    second = checks.succeeded(sync(LOG))
    assert about(sandbox, before) == chosen
    (warning,) = checks.warnings(second)
    assert f"log entries of 5 anonymized conversations (such as {chosen[0]}) are not" in warning
    refreshed = {r["conversationId"] for r in second.records(LOG)}
    assert refreshed & {*chosen} == {chosen[4], chosen[6]}
    assert "of 2 conversations, of which Dixa erased personal data" in second.log
    before = len(sandbox.answered)
    assert "WARNING" not in sync(LOG).log
    assert about(sandbox, before) == []


@pytest.mark.parametrize(
    ("status", "ends_with"), [pytest.param(403, 0, marks=pytest.mark.slow), (422, 1)]
)
def test_if_dixa_refuses_all_from_one_on_none_is_passed_by(account, status, ends_with):
    sandbox, sync, runs = account
    sync(LOG)
    anonymize(sandbox, 14)
    sandbox.behaviour.api_faults.extend([None, None, *[Refusal(status)] * 12])
    before = len(sandbox.answered)
    second = sync(LOG)
    assert second.status == ends_with
    # Ten in a row, and one that Dixa has sent before. One more may be requested already.
    assert len(about(sandbox, before)) in {12, 13}
    sandbox.behaviour.api_faults.clear()
    checks.succeeded(sync(LOG))
    log_is_fresh(sandbox, *runs)


def test_a_conversation_from_the_future_does_not_move_the_place(account):
    sandbox, sync, runs = account
    sync(LOG)
    anonymize(sandbox, 3)
    others = [c["id"] for c in some(sandbox, 10)]
    text = '{"id": %d, "updated_at": 4000000000000, "anonymized_at": 1}'
    sandbox.behaviour.faults.append(Odd(", ".join(text % number for number in others)))
    sandbox.behaviour.api_faults.extend([*[None] * 11, *[Refusal(422)] * 4])
    assert sync(LOG).status == 1
    sandbox.behaviour.api_faults.clear()
    checks.succeeded(sync(LOG))
    log_is_fresh(sandbox, *runs)


def test_a_conversation_whose_log_stays_unavailable_is_named(account):
    sandbox, sync, runs = account
    sync(LOG)
    chosen = anonymize(sandbox, 2)
    sandbox.behaviour.api_faults.extend([None, *[Refusal(500)] * 8])
    failed = sync(LOG)
    assert f"conversation {chosen[0]}: " in checks.failed(failed)
    checks.succeeded(sync(LOG))
    log_is_fresh(sandbox, *runs)


@pytest.mark.parametrize(
    "fault", [Refusal(400), pytest.param(Refusal(504), marks=pytest.mark.slow)]
)
def test_conversations_that_dixa_does_not_export_by_their_ids_are_searched_for(account, fault):
    sandbox, sync, runs = account
    sync("messages")
    redact(sandbox, count=4)
    attempts = 3 if fault.status == 400 else 4 + 1 + 1
    sandbox.behaviour.faults.extend([None, None, *[fault] * attempts])
    before = len(sandbox.answered)
    second = checks.succeeded(sync("messages"))
    asked = [query["csids"] for _, query, _ in sandbox.answered[before:] if "csids" in query]
    # Four, two and one: no more are requested, because all messages have to be searched anyway.
    assert [text.count(",") + 1 for text in dict.fromkeys(asked)] == [4, 2, 1]
    assert second.log.count("when the messages of 4 anonymized or redacted conversations") == 1
    messages_are_fresh(sandbox, *runs)


@both_paths_slowly
def test_the_state_says_what_was_refreshed_before_more_is_emitted(account, options):
    sandbox, sync, _ = account
    first = sync("messages", LOG, **options)
    before = sandbox.data.now.now
    chosen = anonymize(sandbox, 12)
    answered = len(sandbox.answered)
    second = sync("messages", LOG, program=("-c", TALKATIVE), window_days=2, **options)
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
                tenth = expected.iso(before + 10 * MINUTE)
                known.append(bookmarks[LOG]["refresh"]["conversations"] == tenth)
    assert len(known) > 5
    assert all(known)
    # As for what is new, no request is for more than window_days.
    for path, query, _ in sandbox.answered[answered:]:
        if path == "/v1/message_export":
            length = int(query["created_before"]) - int(query["created_after"])
            assert length <= 2 * DAY + 2000


def later(one, other, milliseconds):
    return expected.milliseconds(one) - expected.milliseconds(other) > milliseconds


def test_a_right_to_the_log_that_ends_half_way_hides_no_message(account):
    sandbox, sync, runs = account
    sync("messages")
    sandbox.data.now.now += 2 * DAY
    redact(sandbox)
    changes = {"window_days": 1, "end_date": expected.iso(sandbox.data.now.now)}
    sandbox.behaviour.api_faults.extend([None, *[Refusal(403)] * 9])
    second = checks.succeeded(sync("messages", **changes))
    assert second.log.count("are not refreshed: ") == 1
    sandbox.behaviour.api_faults.clear()
    checks.succeeded(sync("messages", **changes))
    messages_are_fresh(sandbox, *runs)

"""Messages that were redacted one by one: their texts leave the warehouse too."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests import expected
from tests.conftest import DAY, HOUR, both_paths, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.anonymized import redact, some
from tests.end_to_end.refreshed import LOG, messages_are_fresh, synced
from tests.faults import Refusal

CONVERSATIONS = "/v1/conversation_export"
EXPORTS = {"/v1/message_export": 1, CONVERSATIONS: 1, LOG: 1}
"""What each run requests."""


@pytest.fixture
def account(serve, run_tap):
    return synced(serve(conversations=200, days=25), run_tap)


def requested(sandbox, before):
    """Count the paths that were requested."""
    return Counter(path for path, _, _ in sandbox.answered[before:])


@both_paths
def test_they_are_emitted_again_with_few_requests(account, options, evidence):
    sandbox, sync, runs = account
    first = sync(**options)
    stale = redact(sandbox)
    before = len(sandbox.answered)
    second = checks.succeeded(sync(**options))
    # One for the conversations of these messages, and one for the messages of a month.
    assert requested(sandbox, before) == {**EXPORTS, "/v1/message_export": 2, CONVERSATIONS: 2}
    assert "of 3 conversations, of which Dixa erased personal data" in second.log
    again = {r["id"]: r for r in second.records("messages")}
    for message in stale:
        assert again[message["id"]].get("text") is None
    messages_are_fresh(sandbox, *runs)
    assert second.bookmark("messages") >= first.bookmark("messages")
    # What is done is not repeated.
    sandbox.data.now.now += HOUR
    before = len(sandbox.answered)
    third = sync(**options)
    assert requested(sandbox, before) == EXPORTS
    assert "refreshed" not in third.log
    evidence("redacted messages that were refreshed", len(stale))


def entry(conversation, **fields):
    """Write an entry of the log as Dixa might."""
    whole = {
        "id": "e",
        "conversationId": conversation,
        "activityTimestamp": expected.iso(conversation),
        "_type": "ConversationMessageRedacted",
        **fields,
    }
    return {name: value for name, value in whole.items() if value is not None}


def test_whatever_the_entries_are_like(account):
    sandbox, sync, runs = account
    sync()
    stale = redact(sandbox, count=7)
    assert len({m["csid"] for m in stale}) == len(stale) == 7
    older = "ConversationMessageRedactedActivityType"
    forms = [
        {"attributes": {"messageId": stale[0]["id"]}, "_type": None, "activityType": older},
        {"conversationId": str(stale[1]["csid"]), "attributes": {"messageId": stale[1]["id"]}},
        {"attributes": None},
        {"attributes": {"messageId": 7}},
        {"attributes": "odd", "activityTimestamp": None},
        {"attributes": {}, "activityTimestamp": "soon", "conversationId": float(stale[5]["csid"])},
        {"attributes": [], "id": None, "author": 5},
    ]
    others = ["no object", entry(1, _type="TagAdded"), entry(1, _type=5), {}]
    lost = [entry(1, conversationId=odd) for odd in ("?", 10**30, {}, 1.5)]
    rows = [
        entry(m["csid"], **{"activityTimestamp": expected.iso(sandbox.data.now.now - HOUR)} | form)
        for m, form in zip(stale, forms, strict=True)
    ]
    body = json.dumps({"data": [*others, *rows, *lost]})
    sandbox.behaviour.api_faults.append(Refusal(200, body=body))
    second = checks.succeeded(sync())
    (warning,) = checks.warnings(second)
    assert "4 redacted messages have no usable conversationId" in warning
    messages_are_fresh(sandbox, *runs)


def test_if_dixa_does_not_say_when_they_were_created_they_are_read_all_the_same(account):
    sandbox, sync, runs = account
    sync()
    stale = redact(sandbox, count=6)
    assert len({m["csid"] for m in stale}) == 6
    # One is not there, of others a time is missing or unusable.
    odd = ['"created_at": null', '"created_at": "2026-03-01"', '"last_message_created_at": true']
    numbers = sorted(m["csid"] for m in stale)[1:]
    rows = [
        f'{{"id": {number}, "updated_at": 1, {times}}}'
        for number, times in zip(numbers, [*odd, '"created_at": 1e400', '"x": 1'], strict=True)
    ]
    body = f"[{', '.join(rows)}]"
    sandbox.behaviour.faults.extend([None, None, Refusal(200, body=body)])
    second = checks.succeeded(sync())
    (warning,) = checks.warnings(second)
    assert "when the messages of 6 anonymized or redacted conversations (such as" in warning
    messages_are_fresh(sandbox, *runs)


@pytest.mark.parametrize(
    "status", [401, *(pytest.param(status, marks=pytest.mark.slow) for status in (403, 404))]
)
def test_without_a_right_to_the_log_anonymized_conversations_are_still_refreshed(
    serve, run_tap, status
):
    sandbox, chosen = serve(conversations=200, days=25), catalog("messages")
    first = run_tap(settings(sandbox), catalog=chosen)
    (stale,) = redact(sandbox, count=1)
    conversation = some(sandbox, 3)[1]
    sandbox.data.anonymize(conversation["id"])
    sandbox.data.now.now += HOUR // 2
    if status == 404:
        sandbox.behaviour.missing.add(LOG)
    else:
        sandbox.behaviour.forbidden[LOG] = status
    second = run_tap(settings(sandbox, window_days=1), catalog=chosen, state=first.state)
    checks.succeeded(second)
    assert second.log.count("messages that were redacted one by one are not refreshed") == 1
    assert second.log.count("WARNING") == 1
    arrived = checks.loaded("messages", first, second)
    known = expected.records(sandbox.data, "messages")
    wrong = {key for key, r in known.items() if checks.plain(r) != checks.plain(arrived[key])}
    assert wrong == {stale["id"]}
    places = [run.state["bookmarks"]["messages"]["refresh"] for run in (first, second)]
    assert places[0]["conversations"] < places[1]["conversations"]
    # With the right, it is found from the day that somebody sets in the state.
    sandbox.behaviour.missing.clear()
    sandbox.behaviour.forbidden.clear()
    day = expected.iso(sandbox.data.now.now - DAY)
    second.state["bookmarks"]["messages"]["refresh"] = {"conversations": day}
    third = run_tap(settings(sandbox), catalog=chosen, state=second.state)
    checks.loaded_exactly("messages", known, first, second, third)


@pytest.mark.parametrize(("refused", "sizes"), [(0, [100, 100, 5]), (2, [100, 50, *[25] * 8, 5])])
def test_as_many_conversations_are_requested_at_once_as_dixa_accepts(
    serve, run_tap, refused, sizes
):
    sandbox, sync, runs = synced(serve(conversations=400, days=25), run_tap)
    sync()
    sandbox.data.now.now += HOUR // 2
    by_conversation = {
        m["csid"]: m for m in expected.source(sandbox.data, "messages").values() if m.get("text")
    }
    for message in [*by_conversation.values()][:205]:
        sandbox.data.redact(message["csid"], message["id"])
    sandbox.data.now.now += HOUR // 2
    sandbox.behaviour.faults.extend([None, None, *[Refusal(414)] * refused])
    before = len(sandbox.answered)
    second = checks.succeeded(sync())
    asked = [query["csids"] for _, query, _ in sandbox.answered[before:] if "csids" in query]
    assert [text.count(",") + 1 for text in asked] == sizes
    assert "WARNING" not in second.log
    messages_are_fresh(sandbox, *runs)


def test_a_conversation_that_dixa_does_not_export_is_searched_for_in_the_whole_range(account):
    sandbox, sync, runs = account
    sync()
    stale = redact(sandbox, count=2)
    at = expected.iso(sandbox.data.now.now - HOUR)
    rows = [entry(number, activityTimestamp=at) for number in (7, *(m["csid"] for m in stale))]
    sandbox.behaviour.api_faults.append(Refusal(200, body=json.dumps({"data": rows})))
    before = len(sandbox.answered)
    second = checks.succeeded(sync())
    assert requested(sandbox, before) == {**EXPORTS, "/v1/message_export": 2, CONVERSATIONS: 2}
    (warning,) = checks.warnings(second)
    assert "messages of 1 anonymized or redacted conversations (such as 7) were" in warning
    messages_are_fresh(sandbox, *runs)


def test_a_log_that_fails_is_like_any_other_failure(account):
    sandbox, sync, runs = account
    first = sync()
    redact(sandbox)
    sandbox.behaviour.api_faults.append(Refusal(422))
    failed = sync()
    checks.failed(failed)
    places = [run.state["bookmarks"]["messages"]["refresh"] for run in (first, failed)]
    assert places[0] == places[1]
    checks.succeeded(sync())
    messages_are_fresh(sandbox, *runs)


def test_an_interrupted_refresh_is_resumed(serve, run_tap):
    sandbox = serve(conversations=300, days=80)
    config, chosen = settings(sandbox, parallel_downloads=1), catalog("messages")
    first = run_tap(config, catalog=chosen)
    stale = redact(sandbox, count=2)
    assert stale[1]["created_at"] - stale[0]["created_at"] > 31 * DAY
    # New messages, conversations twice, the first message, and then no more.
    sandbox.behaviour.faults.extend([None, None, None, None, Refusal(422)])
    failed = run_tap(config, state=first.state, catalog=chosen)
    assert failed.status == 1
    resumed = checks.succeeded(run_tap(config, state=failed.state, catalog=chosen))
    refreshed = [
        [m["id"] in {r["id"] for r in run.records("messages")} for m in stale]
        for run in (failed, resumed)
    ]
    assert refreshed == [[True, False], [False, True]]
    messages_are_fresh(sandbox, first, failed, resumed)


@pytest.mark.slow
def test_two_messages_of_a_conversation_are_found_in_two_steps(serve, run_tap):
    sandbox = serve(conversations=100, days=8)
    chosen = catalog("messages")
    first = run_tap(settings(sandbox), catalog=chosen)
    stale = max(
        ([m for m in expected.source(sandbox.data, "messages").values() if m["csid"] == c["id"]]
         for c in some(sandbox, 30)),
        key=lambda messages: messages[0]["created_at"] - messages[-1]["created_at"],
    )  # fmt: skip
    # They lie too far apart for one request for both.
    assert stale[0]["created_at"] - stale[-1]["created_at"] > 2 * HOUR
    for message in (stale[0], stale[-1]):
        sandbox.data.redact(message["csid"], message["id"])
        sandbox.data.now.now += 31 * DAY if message is stale[0] else HOUR
    config = settings(sandbox, window_days=1, end_date=expected.iso(sandbox.data.now.now))
    second = checks.succeeded(run_tap(config, catalog=chosen, state=first.state))
    messages_are_fresh(sandbox, first, second)

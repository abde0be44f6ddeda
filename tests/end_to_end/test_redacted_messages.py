"""Messages that were redacted one by one: their texts leave the warehouse too."""

from __future__ import annotations

from collections import Counter

import pytest

from tests import expected
from tests.conftest import DAY, HOUR, both_paths
from tests.end_to_end import checks
from tests.end_to_end.account import refreshed_to
from tests.end_to_end.anonymized import redact, some
from tests.end_to_end.everything import LOG
from tests.faults import Refusal, page_of

MESSAGES, CONVERSATIONS = "/v1/message_export", "/v1/conversation_export"
USUAL = {MESSAGES: 1, CONVERSATIONS: 1, LOG: 1}
"""What each run requests."""
REFRESH = {MESSAGES: 2, CONVERSATIONS: 2, LOG: 1}
"""One more for the conversations of redacted messages, and one for the messages of a month."""


@pytest.fixture
def account(account_of):
    return account_of("messages", conversations=200, days=25)


@both_paths
def test_they_are_emitted_again_with_few_requests(account, options, evidence):
    first = account.sync(**options)
    stale = redact(account.sandbox)
    second = account.synced(**options)
    assert Counter(account.paths) == REFRESH
    assert "of 3 conversations, of which Dixa erased personal data" in second.log
    again = {r["id"]: r for r in second.records("messages")}
    assert [again[message["id"]].get("text") for message in stale] == [None] * len(stale)
    account.is_fresh()
    assert second.bookmark("messages") >= first.bookmark("messages")
    # What is done is not repeated.
    account.wait()
    assert "refreshed" not in account.sync(**options).log
    assert Counter(account.paths) == USUAL
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
    account.sync()
    stale = redact(account.sandbox, count=7)
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
    at = {"activityTimestamp": expected.iso(account.data.now() - HOUR)}
    rows = [entry(m["csid"], **at | form) for m, form in zip(stale, forms, strict=True)]
    account.behaviour.api_faults.append(page_of([*others, *rows, *lost]))
    (warning,) = checks.warnings(account.synced())
    assert "4 redacted messages have no usable conversationId" in warning
    account.is_fresh()


def test_if_dixa_does_not_say_when_they_were_created_they_are_read_all_the_same(account):
    account.sync()
    stale = redact(account.sandbox, count=6)
    # One is not exported, of others a time is missing or unusable.
    odd = ['"created_at": null', '"created_at": "2026-03-01"', '"last_message_created_at": true']
    odd += ['"created_at": 1e400', '"x": 1']
    numbers = sorted({message["csid"] for message in stale})[1:]
    rows = zip(numbers, odd, strict=True)
    texts = [f'{{"id": {number}, "updated_at": 1, {times}}}' for number, times in rows]
    account.behaviour.faults.extend([None, None, Refusal(200, body=f"[{', '.join(texts)}]")])
    (warning,) = checks.warnings(account.synced())
    assert "when the messages of 6 anonymized or redacted conversations (such as" in warning
    assert Counter(account.paths) == REFRESH
    account.is_fresh()


@pytest.mark.parametrize(
    "status", [401, *(pytest.param(status, marks=pytest.mark.slow) for status in (403, 404))]
)
def test_without_a_right_to_the_log_anonymized_conversations_are_still_refreshed(account, status):
    first = account.sync()
    (stale,) = redact(account.sandbox, count=1)
    account.data.anonymize(some(account.sandbox, 3)[1]["id"])
    account.wait(HOUR // 2)
    account.behaviour.forbidden[LOG] = status
    second = account.synced(window_days=1)
    (warning,) = checks.warnings(second)
    assert "messages that were redacted one by one are not refreshed" in warning
    assert account.stale_messages() == {stale["id"]}
    before, after = (
        refreshed_to(run.state, "messages")["conversations"] for run in (first, second)
    )
    assert before < after
    # With the right, it is found from the day that somebody sets in the state.
    account.behaviour.forbidden.clear()
    day = expected.iso(account.data.now() - DAY)
    second.state["bookmarks"]["messages"]["refresh"] = {"conversations": day}
    account.sync(state=second.state)
    account.is_fresh()


def test_as_many_conversations_are_requested_at_once_as_dixa_accepts(account):
    account.sync()
    account.wait(HOUR // 2)
    by_conversation = {m["csid"]: m["id"] for m in account.source("messages") if m.get("text")}
    for csid, message in [*by_conversation.items()][:105]:
        account.data.redact(csid, message)
    account.wait(HOUR // 2)
    account.behaviour.faults.extend([None, None, *[Refusal(414)] * 2])
    assert "WARNING" not in account.synced().log
    ids = [query["csids"].split(",") for _, query, _ in account.answered if "csids" in query]
    assert [len(some) for some in ids] == [100, 50, *[25] * 4, 5]
    account.is_fresh()


@pytest.mark.slow
def test_two_messages_of_a_conversation_are_found_in_two_steps(account_of):
    account = account_of("messages", conversations=100, days=8)
    account.sync()
    messages = account.source("messages")
    newest, *_, oldest = max(
        ([m for m in messages if m["csid"] == c["id"]] for c in some(account.sandbox, 30)),
        key=lambda messages: messages[0]["created_at"] - messages[-1]["created_at"],
    )
    # They lie too far apart for one request for both.
    assert newest["created_at"] - oldest["created_at"] > 2 * HOUR
    for message, pause in ((newest, 31 * DAY), (oldest, HOUR)):
        account.data.redact(message["csid"], message["id"])
        account.wait(pause)
    account.synced(window_days=1, end_date=expected.iso(account.data.now()))
    account.is_fresh()

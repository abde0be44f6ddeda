"""Messages that were redacted one by one: their texts leave the warehouse too."""

from collections import Counter

import pytest

from tests import expected
from tests.conftest import DAY, HOUR, both_paths
from tests.end_to_end import checks
from tests.end_to_end.account import refreshed_to
from tests.end_to_end.anonymized import redact, some
from tests.end_to_end.everything import LOG
from tests.faults import Refusal, page_of


@pytest.fixture
def account(account_of):
    one_by_one = {"parallel_downloads": 1}
    return account_of("messages", config=one_by_one, conversations=200, days=25)


@both_paths
def test_they_are_emitted_again(account, options):
    first = account.sync(**options)
    stale = redact(account.sandbox)
    second = account.synced(**options)
    assert "of 3 conversations, of which Dixa erased personal data" in second.log
    again = {r["id"]: r for r in second.records("messages")}
    assert [again[message["id"]].get("text") for message in stale] == [None] * len(stale)
    account.is_fresh()
    assert second.bookmark("messages") >= first.bookmark("messages")


def test_whatever_the_entries_are_like(account):
    account.sync()
    stale = redact(account.sandbox, count=7)
    assert len({m["csid"] for m in stale}) == len(stale) == 7
    older = "ConversationMessageRedactedActivityType"
    time = expected.iso(account.data.now() - HOUR)
    usual = {"id": "e", "activityTimestamp": time, "_type": "ConversationMessageRedacted"}
    forms = [
        {"attributes": {"messageId": stale[0]["id"]}, "_type": None, "activityType": older},
        {"conversationId": str(stale[1]["csid"]), "attributes": {"messageId": stale[1]["id"]}},
        {"attributes": None},
        {"attributes": {"messageId": 7}},
        {"attributes": "odd", "activityTimestamp": None},
        {"attributes": {}, "activityTimestamp": "soon", "conversationId": float(stale[5]["csid"])},
        {"attributes": [], "id": None, "author": 5},
    ]
    rows = [
        usual | {"conversationId": message["csid"]} | form
        for message, form in zip(stale, forms, strict=True)
    ]
    others = ["no object", usual | {"_type": "TagAdded"}, usual | {"_type": 5}, {}]
    lost = [usual | {"conversationId": odd} for odd in ("?", 10**30, {}, 1.5)]
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
    assert "when the messages of 6 conversations (such as" in warning
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


@pytest.mark.parametrize(
    ("count", "refusals", "sizes"),
    [
        (105, [Refusal(414)] * 2, [100, 50, *[25] * 4, 5]),
        # Not even one: no more are requested, because all messages have to be searched anyway.
        (4, [Refusal(400)] * 3, [4, 2, 1]),
        pytest.param(4, [Refusal(504)] * 6, [4, 2, 1], marks=pytest.mark.slow),
    ],
    ids=["some", "none", "none, unavailable"],
)
def test_as_many_conversations_are_requested_by_their_ids_as_dixa_accepts(
    account, count, refusals, sizes
):
    account.sync()
    by_conversation = {m["csid"]: m["id"] for m in account.source("messages") if m.get("text")}
    account.wait(HOUR // 2)
    for csid, message in [*by_conversation.items()][:count]:
        account.data.redact(csid, message)
    account.wait(HOUR // 2)
    account.behaviour.faults.extend([None, None, *refusals])
    warnings = checks.warnings(account.synced())
    ids = dict.fromkeys(query["csids"] for _, query, _ in account.answered if "csids" in query)
    assert [text.count(",") + 1 for text in ids] == sizes
    assert sum("when the messages of 4 conversations" in line for line in warnings) == (count == 4)
    account.is_fresh()


def test_a_right_to_the_log_that_ends_half_way_hides_no_message(account):
    account.sync()
    # Two messages of one conversation, in two windows of the search.
    texts = [message for message in account.source("messages") if message.get("text")]
    ((csid, _),) = Counter(message["csid"] for message in texts).most_common(1)
    for message in [message for message in texts if message["csid"] == csid][:2]:
        account.data.redact(csid, message["id"])
        account.wait(2 * DAY)
    changes = {"window_days": 1, "end_date": expected.iso(account.data.now())}
    account.behaviour.api_faults.extend([None, *[Refusal(403)] * 9])
    second = account.synced(**changes)
    assert second.log.count("are not refreshed: ") == 1
    account.behaviour.api_faults.clear()
    account.synced(**changes)
    account.is_fresh()

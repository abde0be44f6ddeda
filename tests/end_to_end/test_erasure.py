"""Anonymized conversations: what Dixa erased leaves the warehouse too."""

from __future__ import annotations

from collections import Counter

import pytest

from tests import expected
from tests.conftest import DAY, EXPORTS, HOUR, both_paths_slowly
from tests.end_to_end import checks
from tests.end_to_end.anonymized import anonymize, some
from tests.end_to_end.refreshed import LOG
from tests.faults import Odd, Refusal

MINUTE = HOUR // 60


@pytest.fixture
def account(account_of):
    config = {"parallel_downloads": 1}
    return account_of("messages", config=config, conversations=200, days=25)


@both_paths_slowly
def test_messages_of_anonymized_conversations_are_emitted_again(account, options, evidence):
    first = account.sync(*EXPORTS, **options)
    ids = anonymize(account.sandbox)
    second = checks.succeeded(account.sync(*EXPORTS, **options))
    # One request for each stream, two for what was anonymized or redacted, and one for all its
    # messages.
    assert len(account.answered) <= len(EXPORTS) + 3
    stale = [record for record in first.records("messages") if record["csid"] in ids]
    assert any("anonymized" not in (record.get("author_name") or "") for record in stale)
    account.messages_are_fresh()
    # They come after what is new, and the bookmark stays there.
    loaded = expected.iso(expected.milliseconds(first.bookmark("messages")) - 600_000)
    mine = [r["csid"] in ids and r["created_at"] < loaded for r in second.records("messages")]
    assert mine[-sum(mine) :] == [True] * sum(mine)
    assert sum(mine) == sum(record["created_at"] < loaded for record in stale)
    assert f"refreshed {sum(mine)} records of 3 conversations" in second.log
    newest = max(r["created_at"] for r in expected.records(account.data, "messages").values())
    assert second.bookmark("messages") == newest
    # The bookmark was newer than that all the time.
    states = [message["value"]["bookmarks"]["messages"] for message in second.of("STATE")]
    marks = [state["replication_key_value"] for state in states]
    assert marks == sorted(marks)
    refreshed = ids & {record["csid"] for record in second.records("messages")}
    evidence("anonymized conversations whose messages were refreshed", len(refreshed))


def test_a_refresh_is_resumed_however_soon_each_run_is_stopped(account_of):
    config = {"window_days": 1, "parallel_downloads": 1}
    account = account_of("messages", config=config, conversations=60, days=24)
    account.sync()
    ids = anonymize(account.sandbox)
    # As another version of the tap has left it: nothing is said of a refresh.
    old = expected.iso(account.data.start + DAY)
    key = {"replication_key": "created_at", "replication_key_value": old}
    state, stopped = {"bookmarks": {"messages": key}}, []
    while not stopped or stopped[-1].status:
        account.behaviour.faults.clear()
        account.behaviour.faults.extend([*[None] * 10, *[Refusal(422)] * 3])
        stopped.append(account.sync(state=state))
        assert account.paths[0] == "/v1/message_export"  # new messages come first
        # The second one may stop in the search.
        assert stopped[-1].state != state or len(stopped) == 2
        state = stopped[-1].state
        assert len(stopped) < 20
    assert len(stopped) > 3
    account.messages_are_fresh()
    for run in stopped:
        refreshed = [r["id"] for r in run.records("messages") if r["csid"] in ids]
        assert len(refreshed) == len(set(refreshed))


def test_an_interrupted_refresh_is_resumed_where_it_stopped(account_of):
    config = {"parallel_downloads": 1}
    account = account_of("messages", config=config, conversations=150, days=80)
    account.sync()
    distant = {conversation["id"] for conversation in some(account.sandbox, 30)[::29]}
    for number in distant:
        account.data.anonymize(number)
    account.wait()
    # New messages, what was anonymized, the first span of theirs, and then no more.
    account.behaviour.faults.extend([None, None, None, Refusal(422)])
    assert account.sync().status == 1
    checks.succeeded(account.sync())
    # New messages and the second span. What became visible late is searched for separately.
    searched = {"/v1/conversation_export": 2, LOG: 2}
    assert Counter(account.paths) == {"/v1/message_export": 2, **searched}
    account.messages_are_fresh()
    refreshed = [{r["csid"] for r in run.records("messages")} & distant for run in account.runs[1:]]
    assert [len(found) for found in refreshed] == [1, 1]


def test_a_refresh_that_is_done_is_not_repeated(account):
    first = account.sync()
    anonymize(account.sandbox)
    second = account.sync()
    assert "messages: refreshed" in second.log
    # As if no new message had come.
    value = first.bookmark("messages")
    second.state["bookmarks"]["messages"]["replication_key_value"] = value
    third = checks.succeeded(account.sync())
    assert len(account.answered) == 3
    assert "messages: refreshed" not in third.log


def test_the_order_of_a_conversations_two_times_does_not_matter(account):
    account.sync()
    (conversation,) = some(account.sandbox, 1)
    messages = expected.source(account.data, "messages").values()
    mine = [message for message in messages if message["csid"] == conversation["id"]]
    last = max(mine, key=lambda message: message["created_at"])
    created = last["created_at"] - 45 * MINUTE
    times = {"created_at": created, "last_message_created_at": created - 30 * MINUTE}
    changed = {**conversation, "updated_at": account.data.now(), **times}
    account.wait()
    account.behaviour.faults.extend([None, Odd(exported(changed))])
    second = checks.succeeded(account.sync())
    assert last["id"] in {record["id"] for record in second.records("messages")}
    assert "WARNING" not in second.log


def exported(conversation, **times):
    """Spell a conversation as the export has it once it is anonymized, with odd times."""
    fields = {**conversation, "anonymized_at": "1", **times}
    names = ("id", "created_at", "updated_at", "last_message_created_at", "anonymized_at")
    return "{" + ", ".join(f'"{name}": {fields[name]}' for name in names if fields[name]) + "}"


ODD_TIMES = {
    "a millisecond off": [
        lambda first, last: {"created_at": first + 1, "last_message_created_at": last - 1}
    ],
    "rounded to seconds": [
        lambda first, last: {
            "created_at": -(-first // 1000) * 1000, "last_message_created_at": last // 1000 * 1000
        }
    ],
    "without a last message": [
        lambda first, _: {"created_at": first, "last_message_created_at": "null"}
    ],
    "doubtful": [
        lambda first, last: {"created_at": last, "last_message_created_at": first},
        lambda first, _: {"created_at": first, "last_message_created_at": "null"},
        lambda _, last: {"created_at": "", "last_message_created_at": last},
        lambda _, last: {"created_at": '"2026-03-01"', "last_message_created_at": last},
        lambda first, last: {"created_at": first * 1000, "last_message_created_at": last * 1000},
        lambda first, _: {"created_at": first, "last_message_created_at": "1e400"},
        lambda first, last: {
            "created_at": first, "last_message_created_at": last, "anonymized_at": '"yes"'
        },
    ],
}  # fmt: skip


@pytest.mark.parametrize("kinds", ODD_TIMES.values(), ids=ODD_TIMES)
def test_every_message_is_refreshed_whatever_the_times_of_its_conversation(account, kinds):
    loaded = expected.milliseconds(account.sync().bookmark("messages")) - 600_000
    messages = expected.source(account.data, "messages").values()
    odd, wanted = [], set()
    for conversation, times in zip(some(account.sandbox, len(kinds)), kinds, strict=True):
        mine = {m["id"]: m["created_at"] for m in messages if m["csid"] == conversation["id"]}
        changed = times(min(mine.values()), max(mine.values()))
        odd.append(exported({**conversation, "updated_at": account.data.now()}, **changed))
        wanted |= {key for key, created in mine.items() if created < loaded}
    account.wait()
    account.behaviour.faults.extend([None, Odd(", ".join(odd))])
    second = checks.succeeded(account.sync())
    before = expected.iso(loaded)
    arrived = [r["id"] for r in second.records("messages") if r["created_at"] < before]
    assert sorted(arrived) == sorted(wanted)
    assert second.log.count("cannot determine when") == (len(kinds) > 1)


def test_it_can_be_turned_off(account):
    account.sync(*EXPORTS)
    anonymize(account.sandbox)
    second = checks.succeeded(account.sync(*EXPORTS, refresh_anonymized=False))
    assert len(account.answered) == len(EXPORTS)
    assert "refreshed" not in second.log


def test_without_a_right_to_conversations_the_messages_still_come(account):
    account.sync()
    account.wait()
    account.behaviour.faults.extend([None, Refusal(403)])
    second = checks.succeeded(account.sync())
    assert second.log.count("records of anonymized conversations are not refreshed") == 1
    known = expected.records(account.data, "messages")
    assert checks.loaded("messages", *account.runs).keys() == known.keys()

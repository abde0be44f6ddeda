"""Anonymized conversations: what Dixa erased leaves the warehouse too."""

from collections import Counter

import pytest

from tests import expected
from tests.conftest import DAY, EXPORTS, LOOKBACK, both_paths_slowly
from tests.end_to_end import checks
from tests.end_to_end.anonymized import anonymize, redact, some
from tests.end_to_end.everything import LOG
from tests.faults import Odd, Refusal

ONE_BY_ONE = {"parallel_downloads": 1}


@pytest.fixture
def account(account_of):
    return account_of("messages", config=ONE_BY_ONE, conversations=200, days=25)


def messages_of(account, conversation):
    return [m for m in account.source("messages") if m["csid"] == conversation["id"]]


@both_paths_slowly
def test_messages_of_anonymized_conversations_are_emitted_again(account, options):
    first = account.sync(*EXPORTS, **options)
    ids = anonymize(account.sandbox)
    second = account.synced(*EXPORTS, **options)
    stale = [record for record in first.records("messages") if record["csid"] in ids]
    assert any("anonymized" not in (record.get("author_name") or "") for record in stale)
    account.is_fresh()
    # They come after what is new, and the bookmark stays there.
    loaded = expected.iso(expected.milliseconds(first.bookmark("messages")) - LOOKBACK)
    mine = [r["csid"] in ids and r["created_at"] < loaded for r in second.records("messages")]
    assert mine[-sum(mine) :] == [True] * sum(mine)
    assert sum(mine) == sum(record["created_at"] < loaded for record in stale)
    assert f"refreshed {sum(mine)} records of 3 conversations" in second.log
    checks.bookmark_is_the_newest_emitted(second, "messages")
    # The bookmark was newer than that all the time.
    states = [message["value"]["bookmarks"]["messages"] for message in second.of("STATE")]
    marks = [state["replication_key_value"] for state in states]
    assert marks == sorted(marks)
    # What is done is not repeated, even as if no new message had come.
    marks = second.state["bookmarks"]["messages"]
    marks["replication_key_value"] = first.bookmark("messages")
    assert "messages: refreshed" not in account.synced(*EXPORTS, **options).log
    assert len(account.answered) == len(EXPORTS) + 2


def test_a_refresh_is_resumed_however_soon_each_run_is_stopped(account_of):
    config = {"window_days": 1, **ONE_BY_ONE}
    account = account_of("messages", config=config, conversations=60, days=24)
    account.sync()
    ids = anonymize(account.sandbox)
    # As another version of the tap has left it: nothing is said of a refresh.
    old = expected.iso(account.data.start + DAY)
    key = {"replication_key": "created_at", "replication_key_value": old}
    states = [{"bookmarks": {"messages": key}}]
    while len(states) == 1 or account.runs[-1].status:
        account.behaviour.faults.clear()
        account.behaviour.faults.extend([*[None] * 10, *[Refusal(422)] * 3])
        run = account.sync(state=states[-1])
        assert account.paths[0] == "/v1/message_export"  # new messages come first
        refreshed = [r["id"] for r in run.records("messages") if r["csid"] in ids]
        assert len(refreshed) == len(set(refreshed))
        # The second one may stop in the search.
        assert run.state != states[-1] or len(states) == 2
        states.append(run.state)
        assert len(states) < 20
    assert len(states) > 4
    account.is_fresh()


@pytest.mark.parametrize("erased", ["anonymized", "redacted"])
def test_an_interrupted_refresh_is_resumed_where_it_stopped(account_of, erased):
    account = account_of("messages", config=ONE_BY_ONE, conversations=150, days=80)
    account.sync()
    # Two of different months.
    if erased == "redacted":
        stale = {message["id"] for message in redact(account.sandbox, count=2)}
    else:
        of = {message["csid"]: message["id"] for message in account.source("messages")}
        stale = {of[conversation] for conversation in anonymize(account.sandbox, 2)}
    # New messages, the conversations (of what was redacted, twice), the first month, and no more.
    before = 4 if erased == "redacted" else 3
    account.behaviour.faults.extend([*[None] * before, Refusal(422)])
    account.failure()
    account.synced()
    # New messages and the second month. What became visible late is searched for separately.
    if erased == "anonymized":
        searched = {"/v1/conversation_export": 2, LOG: 2}
        assert Counter(account.paths) == {"/v1/message_export": 2, **searched}
    account.is_fresh()
    refreshed = [{r["id"] for r in run.records("messages")} & stale for run in account.runs[1:]]
    assert [len(found) for found in refreshed] == [1, 1]


def exported(account, conversation, created, last, anonymized="1"):
    """Spell a conversation as the export has it once it is anonymized, with odd times."""
    times = {"created_at": created, "last_message_created_at": last, "anonymized_at": anonymized}
    fields = {"id": conversation["id"], "updated_at": account.data.now(), **times}
    return "{" + ", ".join(f'"{name}": {value}' for name, value in fields.items() if value) + "}"


USABLE = [
    lambda first, last: (first + 1, last - 1),
    lambda first, last: (-(-first // 1000) * 1000, last // 1000 * 1000),
    lambda first, _: (first, "null"),
    lambda first, last: (last, first),
]
DOUBTFUL = [
    lambda _, last: ("", last),
    lambda _, last: ('"2026-03-01"', last),
    lambda first, last: (first * 1000, last * 1000),
    lambda first, _: (first, "1e400"),
    lambda first, last: (first, last, '"yes"'),
]
"""What is exported as the times of a conversation's first and last message."""


@pytest.mark.parametrize("kinds", [USABLE, DOUBTFUL], ids=["usable", "doubtful"])
def test_every_message_is_refreshed_whatever_the_times_of_its_conversation(account, kinds):
    loaded = expected.milliseconds(account.sync().bookmark("messages")) - LOOKBACK
    changed, wanted = [], set()
    for conversation, times in zip(some(account.sandbox, len(kinds)), kinds, strict=True):
        mine = {m["id"]: m["created_at"] for m in messages_of(account, conversation)}
        odd = times(min(mine.values()), max(mine.values()))
        changed.append(exported(account, conversation, *odd))
        wanted |= {key for key, created in mine.items() if created < loaded}
    account.wait()
    account.behaviour.faults.extend([None, Odd(", ".join(changed))])
    second = account.synced()
    before = expected.iso(loaded)
    arrived = [r["id"] for r in second.records("messages") if r["created_at"] < before]
    assert sorted(arrived) == sorted(wanted)
    assert second.log.count("cannot determine when") == (kinds is DOUBTFUL)


@pytest.mark.parametrize(("stream", "before"), [("messages", 1), ("activity_logs", 0)])
def test_without_a_right_to_conversations_what_is_new_still_comes(account, stream, before):
    account.sync(stream)
    anonymize(account.sandbox)
    account.behaviour.faults.extend([*[None] * before, Refusal(403)])
    second = account.synced(stream)
    assert second.log.count("records of anonymized conversations are not refreshed") == 1
    assert checks.loaded(stream, *account.runs).keys() == account.known(stream).keys()
    # With the right, it is made up for.
    account.synced(stream)
    account.is_fresh(stream)

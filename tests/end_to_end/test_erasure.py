"""Anonymized conversations: what Dixa erased leaves the warehouse too."""

from __future__ import annotations

from collections import Counter

import pytest

from tests import expected
from tests.conftest import DAY, HOUR, both_paths_slowly, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.anonymized import anonymize, some
from tests.end_to_end.refreshed import LOG, messages_are_fresh
from tests.faults import Odd, Refusal

MINUTE = HOUR // 60


@both_paths_slowly
def test_messages_of_anonymized_conversations_are_emitted_again(serve, run_tap, options, evidence):
    sandbox = serve(conversations=200, days=25)
    config = settings(sandbox, **options)
    first = run_tap(config)
    ids = anonymize(sandbox)
    before = len(sandbox.answered)
    second = checks.succeeded(run_tap(config, state=first.state))
    # One request for each stream, two for what was anonymized or redacted, and one for all its
    # messages.
    assert len(sandbox.answered) - before <= len(expected.STREAMS) + 3
    arrived = checks.loaded("messages", first)
    stale = {key: record for key, record in arrived.items() if record["csid"] in ids}
    assert any("anonymized" not in (record.get("author_name") or "") for record in stale.values())
    arrived |= checks.loaded("messages", second)
    known = expected.records(sandbox.data, "messages")
    for key in stale:
        assert checks.plain(arrived[key]) == checks.plain(known[key])
    for record in known.values():
        if record["csid"] in ids:
            assert checks.plain(arrived[record["id"]]) == checks.plain(record)
    # They come after what is new, and the bookmark stays there.
    bookmark = expected.milliseconds(first.bookmark("messages")) - 600_000
    mine = [r["csid"] in ids and r["created_at"] < expected.iso(bookmark)
            for r in second.records("messages")]  # fmt: skip
    assert mine[-sum(mine) :] == [True] * sum(mine)
    assert sum(mine) == len([r for r in stale.values() if r["created_at"] < expected.iso(bookmark)])
    assert f"refreshed {sum(mine)} records of 3 conversations" in second.log
    assert second.bookmark("messages") == max(r["created_at"] for r in known.values())
    # The bookmark was newer than that all the time.
    messages = [m for m in second.messages if m["type"] == "STATE"]
    marks = [m["value"]["bookmarks"]["messages"]["replication_key_value"] for m in messages]
    assert marks == sorted(marks)
    refreshed = ids & {record["csid"] for record in second.records("messages")}
    evidence("anonymized conversations whose messages were refreshed", len(refreshed))


def test_a_refresh_is_resumed_however_soon_each_run_is_stopped(serve, run_tap):
    sandbox = serve(conversations=100, days=40)
    config = settings(sandbox, window_days=1, parallel_downloads=1)
    chosen = catalog("messages")
    first = run_tap(config, catalog=chosen)
    ids = anonymize(sandbox)
    # As another version of the tap has left it: nothing is said of a refresh.
    old = expected.iso(sandbox.data.start + DAY)
    key = {"replication_key": "created_at", "replication_key_value": old}
    state, runs = {"bookmarks": {"messages": key}}, []
    while not runs or runs[-1].status:
        most = 15
        sandbox.behaviour.faults.clear()
        sandbox.behaviour.faults.extend([*[None] * most, *[Refusal(422)] * 3])
        before = len(sandbox.answered)
        runs.append(run_tap(config, state=state, catalog=chosen))
        paths = [path for path, _, _ in sandbox.answered[before:]]
        assert paths[0] == "/v1/message_export"  # new messages come first
        assert runs[-1].state != state or len(runs) == 2  # which may stop in the search
        state = runs[-1].state
        assert len(runs) < 20
    assert len(runs) > 3
    messages_are_fresh(sandbox, first, *runs)
    refreshed = [
        (number, r["id"])
        for number, run in enumerate(runs)
        for r in run.records("messages")
        if r["csid"] in ids
    ]
    assert len(refreshed) == len(set(refreshed))


def test_an_interrupted_refresh_is_resumed_where_it_stopped(serve, run_tap):
    sandbox = serve(conversations=150, days=80)
    config, chosen = settings(sandbox, parallel_downloads=1), catalog("messages")
    first = run_tap(config, catalog=chosen)
    distant = some(sandbox, 30)[::29]
    for conversation in distant:
        sandbox.data.anonymize(conversation["id"])
    sandbox.data.now.now += HOUR
    # New messages, what was anonymized, the first span of theirs, and then no more.
    sandbox.behaviour.faults.extend([None, None, None, Refusal(422)])
    failed = run_tap(config, state=first.state, catalog=chosen)
    assert failed.status == 1
    before = len(sandbox.answered)
    resumed = checks.succeeded(run_tap(config, state=failed.state, catalog=chosen))
    paths = [path for path, _, _ in sandbox.answered[before:]]
    # New messages and the second span. What became visible late is searched for separately.
    searched = {"/v1/conversation_export": 2, LOG: 2}
    assert Counter(paths) == {"/v1/message_export": 2, **searched}
    messages_are_fresh(sandbox, first, failed, resumed)
    refreshed = [
        {r["csid"] for r in run.records("messages")} & {c["id"] for c in distant}
        for run in (failed, resumed)
    ]
    assert [len(found) for found in refreshed] == [1, 1]


def test_a_refresh_that_is_done_is_not_repeated(serve, run_tap):
    sandbox = serve(conversations=200, days=25)
    config, chosen = settings(sandbox), catalog("messages")
    first = run_tap(config, catalog=chosen)
    anonymize(sandbox)
    second = run_tap(config, state=first.state, catalog=chosen)
    assert "messages: refreshed" in second.log
    # As if no new message had come.
    value = first.bookmark("messages")
    second.state["bookmarks"]["messages"]["replication_key_value"] = value
    before = len(sandbox.answered)
    third = checks.succeeded(run_tap(config, state=second.state, catalog=chosen))
    assert len(sandbox.answered) - before == 3
    assert "messages: refreshed" not in third.log


def test_the_order_of_a_conversations_two_times_does_not_matter(serve, run_tap):
    sandbox = serve(conversations=200, days=25)
    config, chosen = settings(sandbox, parallel_downloads=1), catalog("messages")
    first = run_tap(config, catalog=chosen)
    (conversation,) = some(sandbox, 1)
    last = max(
        (m for m in expected.source(sandbox.data, "messages").values()
         if m["csid"] == conversation["id"]),
        key=lambda message: message["created_at"],
    )  # fmt: skip
    created = last["created_at"] - 45 * MINUTE
    times = {"created_at": created, "last_message_created_at": created - 30 * MINUTE}
    changed = {**conversation, "updated_at": sandbox.data.now.now, **times}
    sandbox.data.now.now += HOUR
    sandbox.behaviour.faults.extend([None, Odd(exported(changed))])
    second = checks.succeeded(run_tap(config, state=first.state, catalog=chosen))
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
def test_every_message_is_refreshed_whatever_the_times_of_its_conversation(serve, run_tap, kinds):
    sandbox = serve(conversations=200, days=25)
    config, chosen = settings(sandbox, parallel_downloads=1), catalog("messages")
    first = run_tap(config, catalog=chosen)
    conversations = some(sandbox, len(kinds))
    messages = expected.source(sandbox.data, "messages").values()
    loaded = expected.milliseconds(first.bookmark("messages")) - 600_000
    odd, wanted = [], set()
    for conversation, times in zip(conversations, kinds, strict=True):
        mine = {m["id"]: m["created_at"] for m in messages if m["csid"] == conversation["id"]}
        changed = times(min(mine.values()), max(mine.values()))
        odd.append(exported({**conversation, "updated_at": sandbox.data.now.now}, **changed))
        wanted |= {key for key, created in mine.items() if created < loaded}
    sandbox.data.now.now += HOUR
    sandbox.behaviour.faults.extend([None, Odd(", ".join(odd))])
    second = checks.succeeded(run_tap(config, state=first.state, catalog=chosen))
    arrived = [
        r["id"] for r in second.records("messages") if r["created_at"] < expected.iso(loaded)
    ]
    assert sorted(arrived) == sorted(wanted)
    warnings = [line for line in second.log.splitlines() if "cannot determine when" in line]
    assert len(warnings) == (len(kinds) > 1)


@pytest.mark.parametrize("changes", [{"refresh_anonymized": False}, {}])
def test_it_costs_two_requests_or_none(serve, run_tap, changes):
    sandbox = serve(conversations=150, days=10)
    config = settings(sandbox, **changes)
    first = run_tap(config)
    sandbox.data.anonymize(some(sandbox, 1)[0]["id"]) if changes else None
    sandbox.data.now.now += HOUR
    before = len(sandbox.answered)
    second = checks.succeeded(run_tap(config, state=first.state))
    assert len(sandbox.answered) - before == len(expected.STREAMS) + (0 if changes else 2)
    assert "refreshed" not in second.log


def test_without_a_right_to_conversations_the_messages_still_come(serve, run_tap):
    sandbox = serve(conversations=150, days=10)
    chosen = catalog("messages")
    first = run_tap(settings(sandbox), catalog=chosen)
    sandbox.data.now.now += HOUR
    sandbox.behaviour.faults.extend([None, Refusal(403)])
    second = checks.succeeded(run_tap(settings(sandbox), catalog=chosen, state=first.state))
    assert second.log.count("records of anonymized conversations are not refreshed") == 1
    arrived = checks.loaded("messages", first, second)
    assert arrived.keys() == expected.records(sandbox.data, "messages").keys()


def test_a_first_run_refreshes_nothing(serve, run_tap):
    sandbox = serve(days=20)
    checks.succeeded(run_tap(settings(sandbox)))
    assert len(sandbox.answered) == len(expected.STREAMS)

"""Anonymized conversations: what Dixa erased leaves the warehouse too."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_dixa.sandbox.faults import Refusal
from tap_dixa.streams.messages import cover
from tests import expected
from tests.conftest import DAY, HOUR, both_paths_slowly, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.anonymized import anonymize, some


@both_paths_slowly
def test_messages_of_anonymized_conversations_are_emitted_again(serve, run_tap, options, evidence):
    sandbox = serve(conversations=400, days=25)
    config = settings(sandbox, **options)
    first = run_tap(config)
    ids = anonymize(sandbox)
    before = len(sandbox.answered)
    second = run_tap(config, state=first.state)
    checks.succeeded(second)
    # One request for each stream, one for what was anonymized, and one for all its messages.
    assert len(sandbox.answered) - before <= len(expected.STREAMS) + 2
    arrived = {r["id"]: r for r in first.records("messages")}
    stale = {key: record for key, record in arrived.items() if record["csid"] in ids}
    assert any("anonymized" not in (record.get("author_name") or "") for record in stale.values())
    arrived |= {r["id"]: r for r in second.records("messages")}
    known = expected.records(sandbox.data, "messages")
    for key in stale:
        assert checks.plain(arrived[key]) == checks.plain(known[key])
    for record in known.values():
        if record["csid"] in ids:
            assert checks.plain(arrived[record["id"]]) == checks.plain(record)
    # They come before what is new, and the bookmark goes on from the old one.
    bookmark = expected.milliseconds(first.bookmark("messages")) - 600_000
    mine = [r["csid"] in ids and r["created_at"] < expected.iso(bookmark)
            for r in second.records("messages")]  # fmt: skip
    assert mine[: sum(mine)] == [True] * sum(mine)
    assert sum(mine) == len([r for r in stale.values() if r["created_at"] < expected.iso(bookmark)])
    assert f"refreshed {sum(mine)} messages of 3 conversations" in second.log
    assert second.bookmark("messages") == max(r["created_at"] for r in known.values())
    # The bookmark was newer than that all the time.
    messages = [m for m in second.messages if m["type"] == "STATE"]
    marks = [m["value"]["bookmarks"]["messages"]["replication_key_value"] for m in messages]
    assert marks == sorted(marks)
    refreshed = ids & {record["csid"] for record in second.records("messages")}
    evidence("anonymized conversations whose messages were refreshed", len(refreshed))


def test_an_interrupted_refresh_is_done_again(serve, run_tap):
    sandbox = serve(conversations=400, days=40)
    config = settings(sandbox)
    first = run_tap(config)
    chosen = some(sandbox, 2)
    for conversation in chosen:
        sandbox.data.anonymize(conversation["id"])
    sandbox.data.now.now += HOUR
    # Conversations, what was anonymized, the first span, and then no more.
    sandbox.behaviour.faults.extend([None, None, None, Refusal(403)])
    failed = run_tap({**config, "parallel_downloads": 1}, state=first.state)
    assert failed.status == 1
    assert failed.bookmark("messages") == first.bookmark("messages")
    resumed = run_tap(config, state=failed.state)
    checks.succeeded(resumed)
    known = expected.records(sandbox.data, "messages")
    arrived = {r["id"]: r for run in (first, failed, resumed) for r in run.records("messages")}
    ids = {conversation["id"] for conversation in chosen}
    for key, record in known.items():
        if record["csid"] in ids:
            assert arrived[key] == record


@pytest.mark.parametrize("changes", [{"refresh_anonymized": False}, {}])
def test_it_costs_a_request_or_none(serve, run_tap, changes):
    sandbox = serve(conversations=300, days=10)
    config = settings(sandbox, **changes)
    first = run_tap(config)
    sandbox.data.anonymize(some(sandbox, 1)[0]["id"]) if changes else None
    sandbox.data.now.now += HOUR
    before = len(sandbox.answered)
    second = run_tap(config, state=first.state)
    checks.succeeded(second)
    assert len(sandbox.answered) - before == len(expected.STREAMS) + (0 if changes else 1)
    assert "refreshed" not in second.log


def test_without_a_right_to_conversations_the_messages_still_come(serve, run_tap):
    sandbox = serve(conversations=300, days=10)
    chosen = catalog("messages")
    first = run_tap(settings(sandbox), catalog=chosen)
    sandbox.data.now.now += HOUR
    sandbox.behaviour.faults.append(Refusal(403))
    second = run_tap(settings(sandbox), catalog=chosen, state=first.state)
    checks.succeeded(second)
    assert second.log.count("messages of anonymized conversations are not refreshed") == 1
    arrived = {r["id"]: r for run in (first, second) for r in run.records("messages")}
    assert arrived.keys() == expected.records(sandbox.data, "messages").keys()


def test_a_first_run_refreshes_nothing(serve, run_tap):
    sandbox = serve(days=20)
    run = run_tap(settings(sandbox))
    checks.succeeded(run)
    assert len(sandbox.answered) == len(expected.STREAMS)


timestamps = st.integers(0, 200 * DAY)
spans = st.lists(st.tuples(timestamps, st.integers(1, 50 * DAY)).map(lambda s: (s[0], sum(s))))


@given(spans, st.integers(DAY, 31 * DAY))
def test_spans_are_covered_by_few_windows(spans, longest):
    windows = cover(spans, longest)
    for start, end in spans:
        inside = sum(max(0, min(end, w.end) - max(start, w.start)) for w in windows)
        assert inside == end - start
    for earlier, later in pairwise(windows):
        assert earlier.end <= later.start
        # Two windows are never where one would do.
        assert later.end - earlier.start > longest
    assert all(0 < window.end - window.start <= longest for window in windows)


def test_two_distant_spans_are_one_request_if_it_can_hold_them():
    assert len(cover([(0, DAY), (29 * DAY, 30 * DAY)], 31 * DAY)) == 1
    assert len(cover([(0, DAY), (31 * DAY, 32 * DAY)], 31 * DAY)) == 2

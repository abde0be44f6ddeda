"""The refresh reaches every message that was loaded, whatever happens between two runs."""

from __future__ import annotations

import json

import pytest

from tests import expected
from tests.conftest import DAY, HOUR, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.anonymized import anonymize, some
from tests.end_to_end.refreshed import log_is_fresh, messages_are_fresh, synced
from tests.faults import Odd, Refusal

MINUTE = 60_000


@pytest.fixture
def account(serve, run_tap, request):
    sandbox = serve(**getattr(request, "param", {"conversations": 200, "days": 80}))
    return synced(sandbox, run_tap, parallel_downloads=1)


def interrupt_a_refresh(sandbox, sync, **changes):
    """Load everything, and stop the next run's refresh after a window; give what is untouched."""
    sync()
    distant = some(sandbox, 30)
    sandbox.data.now.now += HOUR
    for conversation in (distant[1], distant[-1]):
        sandbox.data.anonymize(conversation["id"])
    sandbox.data.now.now += HOUR
    sandbox.behaviour.faults.extend([None, None, None, Refusal(422)])
    assert sync(**changes).status == 1
    return distant[0]


def test_a_change_that_becomes_visible_late_is_found_after_an_interruption(account):
    sandbox, sync, runs = account
    untouched = interrupt_a_refresh(sandbox, sync)
    # It was anonymized two minutes before that run, which did not see it yet.
    sandbox.data.now.now -= 2 * MINUTE
    sandbox.data.anonymize(untouched["id"])
    sandbox.data.now.now += 2 * MINUTE + HOUR // 4
    checks.succeeded(sync())
    messages_are_fresh(sandbox, *runs)


def test_states_that_are_merged_by_their_keys_hide_no_message(account):
    sandbox, sync, runs = account
    untouched = interrupt_a_refresh(sandbox, sync)
    stale = sync().state
    stale["bookmarks"]["messages"]["refresh"] |= {
        "step": stale["bookmarks"]["messages"]["refresh"]["conversations"],
        "messages": expected.iso(sandbox.data.now.now),
    }
    sandbox.data.now.now += HOUR // 4
    sandbox.data.anonymize(untouched["id"])
    sandbox.data.now.now += HOUR // 4
    checks.succeeded(sync(state=stale))
    messages_are_fresh(sandbox, *runs)


def test_a_search_of_many_windows_that_an_older_version_left_is_completed(account):
    sandbox, sync, runs = account
    state = sync().state
    begun = state["bookmarks"]["messages"]["refresh"]["conversations"]
    conversations = some(sandbox, 6)
    for conversation in conversations:
        sandbox.data.now.now += DAY
        sandbox.data.anonymize(conversation["id"])
    done = expected.iso(conversations[3]["created_at"])
    step = {"step": expected.iso(sandbox.data.now.now - HOUR), "messages": done}
    state["bookmarks"]["messages"]["refresh"] = {"conversations": begun, **step}
    sandbox.data.now.now += DAY
    end = expected.iso(sandbox.data.now.now)
    checks.succeeded(sync(state=state, window_days=2, end_date=end))
    arrived = checks.loaded("messages", *runs)
    known = expected.records(sandbox.data, "messages")
    stale = {key for key, r in known.items() if checks.plain(r) != checks.plain(arrived[key])}
    ids = {conversation["id"] for conversation in conversations[:3]}
    assert all(known[key]["created_at"] < done and known[key]["csid"] in ids for key in stale)


def test_a_start_date_that_was_later_for_a_run_leaves_the_place_alone(account):
    sandbox, sync, runs = account
    sync()
    anonymize(sandbox)
    checks.succeeded(sync(start_date=expected.iso(sandbox.data.now.now - HOUR)))
    sandbox.data.now.now += HOUR // 4
    checks.succeeded(sync())
    messages_are_fresh(sandbox, *runs)


def test_it_can_be_turned_on_later(account):
    sandbox, sync, runs = account
    sync(refresh_anonymized=False)
    anonymize(sandbox)
    sync(refresh_anonymized=False)
    sandbox.data.now.now += HOUR // 4
    checks.succeeded(sync())
    messages_are_fresh(sandbox, *runs)


@pytest.mark.slow
@pytest.mark.parametrize("account", [{"conversations": 500, "days": 4}], indirect=True)
def test_without_dixas_clock_its_newest_message_stands_for_it(account):
    sandbox, sync, runs = account
    sandbox.behaviour.date = lambda: 0
    sync()
    anonymize(sandbox)
    logs = []
    for _ in range(5):
        logs.append(sync().log)
        sandbox.data.now.now += HOUR // 2
    assert "messages: refreshed" in logs[0]
    assert "messages: refreshed" not in logs[-1]
    sandbox.data.now.now -= HOUR // 2
    messages_are_fresh(sandbox, *runs)


@pytest.mark.parametrize("csid", ["{}.0", '"{}"'])
def test_a_message_whose_conversation_is_spelled_in_another_way_is_refreshed(account, csid):
    sandbox, sync, _ = account
    conversation = some(sandbox, 5)[1]
    message = {"id": "odd", "created_at": conversation["created_at"], "csid": 0}
    text = json.dumps(message).replace('"csid": 0', f'"csid": {csid.format(conversation["id"])}')
    sync()
    sandbox.data.now.now += HOUR
    sandbox.data.anonymize(conversation["id"])
    sandbox.data.now.now += HOUR
    sandbox.behaviour.faults.extend([None, None, Odd(text)])
    assert "odd" in {record["id"] for record in sync().records("messages")}


def test_a_longer_lookback_finds_what_was_passed_by_while_start_date_was_later(serve, run_tap):
    # As docs/schedules/backfills.md loads the newest data first.
    sandbox = serve(conversations=200, days=80)
    chosen = catalog("messages", "activity_logs")
    recent = expected.iso(sandbox.data.now.now - 5 * DAY)
    runs = []

    def sync(state=None, **changes):
        runs.append(run_tap(settings(sandbox, **changes), state=state, catalog=chosen))
        checks.succeeded(runs[-1])
        return runs[-1].state

    state = sync(start_date=recent)
    sync(end_date=recent)
    for conversation in some(sandbox, 3):
        sandbox.data.anonymize(conversation["id"])
    sandbox.data.now.now += HOUR
    state = sync(state, start_date=recent)
    place = state["bookmarks"]["messages"]["refresh"]["conversations"]
    sandbox.data.now.now += HOUR
    state = sync(state, lookback_seconds=86400)
    assert state["bookmarks"]["messages"]["refresh"]["conversations"] >= place
    messages_are_fresh(sandbox, *runs)
    log_is_fresh(sandbox, *runs)

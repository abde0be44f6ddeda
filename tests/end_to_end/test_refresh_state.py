"""The refresh reaches every message that was loaded, whatever happens between two runs.

It costs requests only where it can find something.
"""

from __future__ import annotations

from copy import deepcopy

import pytest

from tests import expected
from tests.conftest import DAY, HOUR, NOON, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.account import refreshed_to
from tests.end_to_end.anonymized import anonymize, redact, some
from tests.end_to_end.refreshed import LOG
from tests.faults import Refusal

MINUTE = 60_000


@pytest.fixture
def account(account_of):
    one_by_one = {"parallel_downloads": 1}
    return account_of("messages", config=one_by_one, conversations=150, days=80)


def interrupt_a_refresh(account):
    """Load everything, and stop the next run's refresh after a window; give what is untouched."""
    account.sync()
    distant = some(account.sandbox, 30)
    account.wait()
    for conversation in (distant[1], distant[-1]):
        account.data.anonymize(conversation["id"])
    account.wait()
    account.behaviour.faults.extend([None, None, None, Refusal(422)])
    checks.failed(account.sync())
    return distant[0]


def test_a_change_that_becomes_visible_late_is_found_after_an_interruption(account):
    untouched = interrupt_a_refresh(account)
    # It was anonymized two minutes before that run, which did not see it yet.
    account.wait(-2 * MINUTE)
    account.data.anonymize(untouched["id"])
    account.wait(2 * MINUTE + HOUR // 4)
    checks.succeeded(account.sync())
    account.messages_are_fresh()


def test_states_that_are_merged_by_their_keys_hide_no_message(account):
    untouched = interrupt_a_refresh(account)
    merged = account.sync().state
    refresh = merged["bookmarks"]["messages"]["refresh"]
    refresh |= {
        "step": refresh["conversations"],
        "messages": expected.iso(account.data.now()),
    }
    account.wait(HOUR // 4)
    account.data.anonymize(untouched["id"])
    account.wait(HOUR // 4)
    checks.succeeded(account.sync(state=merged))
    account.messages_are_fresh()


def test_a_search_of_many_windows_that_an_older_version_left_is_completed(account):
    first = account.sync()
    conversations = some(account.sandbox, 6)
    for conversation in conversations:
        account.wait(DAY)
        account.data.anonymize(conversation["id"])
    done = expected.iso(conversations[3]["created_at"])
    step = {"step": expected.iso(account.data.now() - HOUR), "messages": done}
    refreshed_to(first, "messages").update(step)
    account.wait(DAY)
    end = expected.iso(account.data.now())
    checks.succeeded(account.sync(state=first.state, window_days=2, end_date=end))
    known = expected.records(account.data, "messages")
    ids = {conversation["id"] for conversation in conversations[:3]}
    for key in account.stale_messages():
        assert known[key]["created_at"] < done
        assert known[key]["csid"] in ids


OFF = {"refresh_anonymized": False}
LATER = {"start_date": expected.iso(NOON)}


@pytest.mark.parametrize(("first", "second"), [({}, LATER), (OFF, OFF)], ids=["start_date", "off"])
def test_what_a_runs_settings_left_out_is_made_up_for(account_of, first, second):
    account = account_of("messages", conversations=300, days=15)
    account.sync(**first)
    anonymize(account.sandbox)
    account.wait()  # new messages come
    checks.succeeded(account.sync(**second))
    account.wait(HOUR // 4)
    checks.succeeded(account.sync())
    account.messages_are_fresh()


@pytest.mark.slow
def test_without_dixas_clock_its_newest_message_stands_for_it(account_of):
    account = account_of("messages", conversations=500, days=4, date=lambda: 0)
    account.sync()
    anonymize(account.sandbox)
    logs = []
    for _ in range(5):
        logs.append(account.sync().log)
        account.wait(HOUR // 2)
    assert "messages: refreshed" in logs[0]
    assert "messages: refreshed" not in logs[-1]
    account.wait(-HOUR // 2)
    account.messages_are_fresh()


def test_a_longer_lookback_finds_what_was_passed_by_while_start_date_was_later(account_of):
    # As docs/schedules/backfills.md loads the newest data first.
    account = account_of("messages", "activity_logs", conversations=150, days=80)
    recent = expected.iso(account.data.now() - 5 * DAY)
    newest = checks.succeeded(account.sync(start_date=recent)).state
    checks.succeeded(account.sync(state={"bookmarks": {}}, end_date=recent))
    for conversation in some(account.sandbox, 3):
        account.data.anonymize(conversation["id"])
    account.wait()
    later = checks.succeeded(account.sync(state=newest, start_date=recent))
    account.wait()
    last = checks.succeeded(account.sync(lookback_seconds=86400))
    reached = [refreshed_to(run, "messages")["conversations"] for run in (later, last)]
    assert reached == sorted(reached)
    account.messages_are_fresh()
    account.log_is_fresh()


def test_what_an_hourly_run_costs_without_and_with_erasure(account_of, evidence):
    account = account_of("conversations", "messages", "activity_logs", conversations=200, days=25)
    end, costs = expected.iso(account.data.now() + 4 * HOUR), []
    for happens in (account.wait, account.wait, anonymize, redact):
        happens() if happens == account.wait else happens(account.sandbox)
        checks.succeeded(account.sync(end_date=end))
        exports = sum(path.endswith("_export") for path in account.paths)
        costs.append((exports, account.paths.count(LOG), len(account.logs_asked)))
    # Requests to the Exports API, pages of the log, and requests about one conversation.
    assert costs == [(2, 1, 0), (4, 2, 0), (5, 2, 3), (6, 2, 0)]
    evidence("requests of an hourly run without erasure", sum(costs[1]))


def full_table():
    chosen = deepcopy(catalog("messages"))
    chosen["streams"][0]["replication_method"] = "FULL_TABLE"
    return chosen


@pytest.mark.parametrize(
    ("chosen", "bookmark", "searches"),
    [
        (full_table(), 1, False),
        (full_table(), -30, False),
        (catalog("messages"), -30, False),
        (catalog("messages"), 12, True),
    ],
    ids=["FULL_TABLE", "FULL_TABLE, before start_date", "before start_date", "after start_date"],
)
def test_it_searches_only_if_not_all_messages_are_exported_anyway(
    serve, run_tap, chosen, bookmark, searches
):
    sandbox = serve(conversations=60, days=30)
    value = expected.iso(sandbox.data.start + bookmark * DAY)
    mark = {"replication_key": "created_at", "replication_key_value": value}
    state = {"bookmarks": {"messages": mark}}
    run = checks.succeeded(run_tap(settings(sandbox, window_days=6), catalog=chosen, state=state))
    windows = run.log.count("messages: window ")
    assert len(checks.requests(sandbox, "conversations")) == (windows if searches else 0)
    if not searches:
        emitted = {record["id"] for record in run.records("messages")}
        assert emitted == expected.records(sandbox.data, "messages").keys()

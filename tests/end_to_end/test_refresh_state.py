"""The refresh reaches every message that was loaded, whatever happens between two runs.

It costs requests only where it can find something.
"""

import re
from copy import deepcopy

import pytest

from tests import expected
from tests.conftest import DAY, HOUR, NOON, both_paths_slowly, catalog
from tests.end_to_end import checks
from tests.end_to_end.account import refreshed_to
from tests.end_to_end.anonymized import anonymize, redact, some
from tests.end_to_end.everything import LOG
from tests.faults import Refusal
from tests.faulty_sandbox import intervals

LOGS = "activity_logs"
MINUTE = 60_000
TALKATIVE = """
from tap_dixa.__main__ import main
from tap_dixa.read import refresh
refresh._PROGRESS_INTERVAL = 0
main()
"""
"""Run the tap, with a log line about the refresh wherever it can be resumed."""


@pytest.fixture
def account(account_of):
    one_by_one = {"parallel_downloads": 1}
    return account_of("messages", config=one_by_one, conversations=150, days=80)


@pytest.fixture
def untouched(account):
    """Load everything, and stop the next run's refresh after a window; give what is untouched."""
    account.sync()
    distant = some(account.sandbox, 30)
    account.wait()
    for conversation in (distant[1], distant[-1]):
        account.data.anonymize(conversation["id"])
    account.wait()
    account.behaviour.faults.extend([None, None, None, Refusal(422)])
    account.failure()
    return distant[0]["id"]


def test_a_change_that_becomes_visible_late_is_found_after_an_interruption(account, untouched):
    # It was anonymized two minutes before that run, which did not see it yet.
    account.wait(-2 * MINUTE)
    account.data.anonymize(untouched)
    account.wait(2 * MINUTE + HOUR // 4)
    account.synced()
    account.is_fresh()


def test_states_that_are_merged_by_their_keys_hide_no_message(account, untouched):
    merged = account.sync().state
    refresh = refreshed_to(merged, "messages")
    refresh |= {"step": refresh["conversations"], "messages": expected.iso(account.data.now())}
    account.wait(HOUR // 4)
    account.data.anonymize(untouched)
    account.wait(HOUR // 4)
    account.synced(state=merged)
    account.is_fresh()


def test_a_search_of_many_windows_that_an_older_version_left_is_completed(account):
    state = account.sync().state
    conversations = some(account.sandbox, 6)
    for conversation in conversations:
        account.wait(DAY)
        account.data.anonymize(conversation["id"])
    done = expected.iso(conversations[3]["created_at"])
    step = expected.iso(account.data.now() - HOUR)
    refreshed_to(state, "messages").update(step=step, messages=done)
    account.wait(DAY)
    account.synced(state=state, window_days=2, end_date=expected.iso(account.data.now()))
    known, ids = account.known("messages"), {c["id"] for c in conversations[:3]}
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
    account.synced(**second)
    assert second != OFF or len(account.answered) == 1
    account.wait(HOUR // 4)
    account.synced()
    account.is_fresh()


@pytest.mark.slow
def test_without_dixas_clock_its_newest_message_stands_for_it(account_of):
    account = account_of("messages", conversations=500, days=4, date=lambda: 0)
    account.sync()
    anonymize(account.sandbox)
    logs = []
    for _ in range(4):
        logs.append(account.sync().log)
        account.wait(HOUR // 2)
    assert "messages: refreshed" in logs[0]
    assert "messages: refreshed" not in logs[-1]
    account.wait(-HOUR // 2)
    account.is_fresh()


def test_a_longer_lookback_finds_what_was_passed_by_while_start_date_was_later(account_of):
    # As docs/operate.md loads the newest data first.
    account = account_of("messages", LOGS, conversations=150, days=80)
    recent = expected.iso(account.data.now() - 5 * DAY)
    newest = account.synced(start_date=recent).state
    account.synced(state={}, end_date=recent)
    anonymize(account.sandbox)
    later = account.synced(state=newest, start_date=recent)
    account.wait()
    last = account.synced(lookback_seconds=86400)
    reached = [refreshed_to(run.state, "messages")["conversations"] for run in (later, last)]
    assert reached == sorted(reached)
    account.is_fresh()


@both_paths_slowly
def test_the_state_says_what_was_refreshed_before_more_is_emitted(account, options):
    first = account.sync("messages", LOGS, **options)
    before = account.data.now() + HOUR // 2
    chosen = anonymize(account.sandbox, 12)
    program = ("-c", TALKATIVE)
    second = account.synced("messages", LOGS, program=program, window_days=2, **options)
    for stream in ("messages", LOGS):
        assert re.search(rf"{stream}: refreshed [1-9]\d* records of 1\d conv\S+ so far", second.log)
    # Whatever is lost by a kill, it is a window of messages, or the entries of ten conversations.
    tenth = expected.iso(before + 10 * MINUTE)
    state, newest, logs, known = first.state, 0, set(), []
    for message in second.messages:
        state = message.get("value", state)
        record = message.get("record", {})
        if record.get("csid") in chosen and record["created_at"] < first.bookmark("messages"):
            created = expected.milliseconds(record["created_at"])
            # More than a window later, and so in another one.
            if newest and created - newest > 2 * DAY:
                known.append(refreshed_to(state, "messages")["messages"] > expected.iso(newest))
            newest = created
        elif record.get("conversationId") in chosen:
            logs.add(record["conversationId"])
            if len(logs) == 11:
                known.append(refreshed_to(state, LOGS)["conversations"] == tenth)
    assert len(known) > 5
    assert all(known)
    # As for what is new, no request is for more than window_days.
    asked = [query for path, query, _ in account.answered if path == "/v1/message_export"]
    lengths = [end - start for query in asked for start, end in intervals(query)]
    assert max(lengths) <= 2 * DAY + 2000


def test_what_an_hourly_run_costs_without_and_with_erasure(account_of):
    account = account_of("conversations", "messages", LOGS, conversations=200, days=25)
    end, costs = expected.iso(account.data.now() + 7 * HOUR), []
    for erase in (None, None, anonymize, None, redact, None):
        erase(account.sandbox) if erase else account.wait()
        account.synced(end_date=end)
        exports = sum(path.endswith("_export") for path in account.paths)
        costs.append((exports, account.paths.count(LOG), len(account.logs_asked)))
    # Requests to the Exports API, pages of the log, and requests about one conversation.
    assert costs == [(2, 1, 0), (4, 2, 0), (5, 2, 3), (4, 2, 0), (6, 2, 0), (4, 2, 0)]


def test_it_searches_only_if_not_all_messages_are_exported_anyway(account_of):
    account = account_of("messages", conversations=60, days=30)
    chosen = deepcopy(catalog("messages"))
    chosen["streams"][0]["replication_method"] = "FULL_TABLE"
    state = account.sync().state
    run = account.synced(chosen=chosen, state=state)
    assert set(account.paths) == {"/v1/message_export"}
    assert checks.loaded("messages", run).keys() == account.known("messages").keys()

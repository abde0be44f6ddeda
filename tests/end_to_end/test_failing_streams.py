"""A stream that fails does not keep the others from being synced."""

from __future__ import annotations

import pytest

from tap_dixa.http.failures import ATTEMPTS_UNAVAILABLE, MAX_ATTEMPTS
from tests import expected
from tests.conftest import FAST_PATH, SDK_PATH, Run, made
from tests.end_to_end import checks
from tests.end_to_end.batches import batch_config, batched
from tests.end_to_end.everything import ALL, records_of
from tests.end_to_end.loaded import is_whole
from tests.faults import Odd, Refusal

PATHS = {
    "conversations": "/v1/conversation_export",
    "messages": "/v1/message_export",
    "activity_logs": "/v1/conversations/activitylog",
    "end_users": "/v1/endusers",
    "queues": "/v1/queues",
    "teams": "/v1/teams",
}
CURSORS = {**expected.CURSORS, "activity_logs": "activityTimestamp"}
DEPENDENT = {"queues": {"queue_members"}, "teams": {"team_members"}}
OPTIONAL = {
    "business_hours_schedules": "/v1/business-hours",
    "business_hours_definitions": "/v1/business-hours",
    "conversation_flows": "/v1/conversations/flows",
    "templates": "/v1/templates",
    "organization": "/v1/organization",
    "ai_agents": "/v1/ai-agents",
    "knowledge_collections": "/v1/knowledge",
    "knowledge_categories": "/v1/knowledge",
    "knowledge_articles": "/v1/knowledge",
    "analytics_records": "/v1/analytics",
    "analytics_metrics": "/v1/analytics",
    "intelligence_records": "/beta/intelligence",
    "intelligence_record_types": "/beta/intelligence",
}
"""The streams that an account may lack, and what each needs."""
SURE = [stream for stream in ALL if stream not in OPTIONAL]
"""The others."""


def emitted(run):
    return {stream: len(run.records(stream)) for stream in SURE}


@pytest.fixture(scope="module")
def wanted():
    with made(conversations=40, days=6) as sandbox:
        known = records_of(sandbox)
        return {stream: len(known[stream]) for stream in SURE}


QUICKLY = {"messages", "queues"}


@pytest.mark.parametrize(
    "down",
    [pytest.param(one, marks=[] if one in QUICKLY else pytest.mark.slow) for one in PATHS],
)
def test_a_stream_without_an_endpoint_fails_alone_until_it_has_one(account_of, wanted, down):
    account = account_of(*SURE, conversations=40, days=6, missing={PATHS[down]})
    run = account.sync()
    line = checks.failed(run)
    failed = {down} | DEPENDENT.get(down, set())
    assert emitted(run) == {s: 0 if s in failed else number for s, number in wanted.items()}
    assert f"{len(failed)} of {len(SURE)} streams failed, the others were synced: " in line
    assert all(f"{stream}: " in line for stream in failed)
    assert "there is nothing at this address" in line
    assert "deselect the stream" in line
    assert run.log.splitlines()[-1] == line
    for stream in CURSORS.keys() - failed:
        assert run.bookmark(stream) == max(r[CURSORS[stream]] for r in run.records(stream))
    account.behaviour.missing.clear()
    second = checks.succeeded(account.sync())
    for stream in failed:
        assert len(second.records(stream)) == wanted[stream]


@pytest.mark.parametrize("status", [404, 403])
def test_what_an_account_lacks_is_skipped(account_of, wanted, status):
    config = {"emit_activate_version_messages": True}
    account = account_of(*OPTIONAL, "agents", config=config, conversations=40, days=6)
    if status == 404:
        account.behaviour.missing.update(OPTIONAL.values())
    else:
        account.behaviour.forbidden.update(dict.fromkeys(OPTIONAL.values(), status))
    run = checks.succeeded(account.sync())
    assert {message["stream"] for message in run.of("RECORD")} == {"agents"}
    assert len(run.records("agents")) == wanted["agents"]
    assert [message["stream"] for message in run.of("ACTIVATE_VERSION")] == ["agents"]
    warnings = checks.warnings(run)
    assert len(warnings) == len(OPTIONAL)
    for stream in OPTIONAL:
        (line,) = (line for line in warnings if f"Skipping stream {stream}: " in line)
        assert ("the account lacks this feature" in line) == (status == 404)


def test_a_wrong_address_is_an_error_whatever_is_selected(account_of):
    run = account_of("knowledge_articles", "templates", missing={"/v1/"}).sync()
    assert "Check exports_api_url and dixa_api_url" in checks.failed(run)


def test_conversations_and_messages_are_synced_first(account_of):
    streams = ("activity_logs", "agents", "conversations", "messages", "tags")
    run = checks.succeeded(account_of(*streams, conversations=10, days=3).sync())
    assert [m["stream"] for m in run.of("SCHEMA")][:2] == ["conversations", "messages"]


def test_whatever_fails_a_stream_the_others_are_synced(account_of):
    synced, half = ("teams", "activity_logs"), ("agents", "end_users")
    streams = (*expected.STREAMS, *half, "tags", *synced)
    account = account_of(*streams, config={"page_size": 2}, conversations=40, days=6)
    account.behaviour.faults.extend([Refusal(422), Odd('{"csid": 1}')])
    # The second page of agents and of end users, and tags for good.
    refused = [None, Refusal(400), None, Refusal(403)]
    teams, tags = [None], [Refusal(500)] * MAX_ATTEMPTS
    account.behaviour.api_faults.extend([*refused, *teams, *tags])
    run = account.sync()
    line = checks.failed(run)
    assert "5 of 7 streams failed, the others were synced: conversations: " in line
    assert "messages: " in line
    assert "missing required field `created_at`" in line
    assert all(f"{stream}: " in line for stream in half)
    assert "tags: /v1/tags could not be read: " in line
    emitted = {stream: len(run.records(stream)) for stream in streams}
    assert [emitted[stream] for stream in half] == [2, 2]
    assert {stream for stream, number in emitted.items() if number} == {*half, *synced}


def test_while_an_api_is_down_later_streams_give_up_soon(account_of):
    account = account_of("teams", "tags", "queues", conversations=40, days=6)
    account.behaviour.api_faults.extend([Refusal(503)] * 100)
    assert "3 of 3 streams failed" in checks.failed(account.sync())
    assert len(account.answered) == MAX_ATTEMPTS + 2 * ATTEMPTS_UNAVAILABLE


@pytest.mark.parametrize(
    ("batch", "fault", "options"),
    [
        (False, Refusal(403), FAST_PATH),
        pytest.param(False, Refusal(403), SDK_PATH, marks=pytest.mark.slow),
        (True, Odd('{"updated_at": 1}'), FAST_PATH),
    ],
    ids=["RECORD", "RECORD, SDK path", "BATCH"],
)
def test_a_failure_costs_no_more_than_its_own_window(account_of, tmp_path, batch, fault, options):
    batches = {"batch_config": batch_config(tmp_path)} if batch else {}
    config = {"window_days": 7, "parallel_downloads": 1, **options, **batches}
    account = account_of("conversations", config=config, conversations=200, days=20)
    account.behaviour.faults.extend([None, None, fault])
    first, emitted = account.sync(), batched if batch else Run.records
    checks.failed(first)
    before = emitted(first, "conversations")
    assert first.bookmark("conversations") == before[-1]["updated_at"]
    after = emitted(checks.succeeded(account.sync()), "conversations")
    is_whole(account.sandbox, "conversations", before + after)
    known = expected.records(account.data, "conversations")
    assert len(after) < len(known) - len(before) + 20


def test_paths_that_exist_under_beta_only_are_found_there(account_of, wanted):
    paths = {"/v1/agents", "/v1/queues", "/v1/conversations/activitylog"}
    account = account_of(*SURE, conversations=40, days=6, beta_only=paths)
    assert emitted(checks.succeeded(account.sync())) == wanted
    missing = [path for path, _, status in account.answered if status == 404]
    members = f"/v1/queues/{account.data.directory.queues[0]['id']}/members"
    assert sorted(missing) == sorted({*paths, members})

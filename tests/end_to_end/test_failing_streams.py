"""A stream that fails does not keep the others from being synced."""

import pytest

from tap_dixa.http.retries import ATTEMPTS_UNAVAILABLE, MAX_ATTEMPTS
from tests import expected
from tests.conftest import FAST_PATH, SDK_PATH, made
from tests.end_to_end import batches, checks
from tests.end_to_end.everything import ALL, records_of
from tests.end_to_end.loaded import is_whole
from tests.faults import Odd, Refusal

PATHS = {  # where a stream is, and the streams that fail with it
    "/v1/conversation_export": {"conversations"},
    "/v1/message_export": {"messages"},
    "/v1/conversations/activitylog": {"activity_logs"},
    "/v1/endusers": {"end_users"},
    "/v1/queues": {"queues", "queue_members"},
    "/v1/teams": {"teams", "team_members"},
}
QUICKLY = ("/v1/message_export", "/v1/queues")
CURSORS = {**expected.CURSORS, "activity_logs": "activityTimestamp"}
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


SMALL = {"conversations": 40, "days": 6}


def emitted(run):
    return {stream: len(run.records(stream)) for stream in SURE}


@pytest.fixture(scope="module")
def wanted():
    with made(**SMALL) as sandbox:
        known = records_of(sandbox)
        return {stream: len(known[stream]) for stream in SURE}


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=() if path in QUICKLY else pytest.mark.slow) for path in PATHS],
)
def test_a_stream_without_an_endpoint_fails_alone_until_it_has_one(account_of, wanted, path):
    account, failed = account_of(*SURE, **SMALL, missing={path}), PATHS[path]
    run = account.sync()
    line = checks.failed(run)
    assert emitted(run) == {**wanted, **dict.fromkeys(failed, 0)}
    assert f"{len(failed)} of {len(SURE)} streams failed, the others were synced: " in line
    for said in (*failed, "at this address", "deselect the stream"):
        assert said in line
    assert line.count("at this address") == 1
    assert run.log.splitlines()[-1] == line
    for stream in CURSORS.keys() - failed:
        assert run.bookmark(stream) == max(r[CURSORS[stream]] for r in run.records(stream))
    account.behaviour.missing.clear()
    second = checks.succeeded(account.sync())
    assert all(len(second.records(stream)) == wanted[stream] for stream in failed)


@pytest.mark.parametrize("status", [404, 403])
def test_what_an_account_lacks_is_skipped(account_of, wanted, status):
    lacking = {"missing": {*OPTIONAL.values()}}
    if status == 403:
        lacking = {"forbidden": dict.fromkeys(OPTIONAL.values(), status)}
    config = {"emit_activate_version_messages": True}
    run = account_of(*OPTIONAL, "agents", config=config, **SMALL, **lacking).sync()
    assert {m["stream"] for m in checks.succeeded(run).of("RECORD")} == {"agents"}
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


def test_while_an_api_is_down_later_streams_give_up_soon(account_of):
    account = account_of("teams", "tags", "queues", api_faults=[Refusal(503)] * 100)
    line = checks.failed(account.sync())
    assert line.endswith("| all 3 streams failed: Dixa responded with 503 Service Unavailable")
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
    files = {"batch_config": batches.batch_config(tmp_path)} if batch else {}
    config = {"window_days": 7, "parallel_downloads": 1, **options, **files}
    account = account_of("conversations", config=config, days=20, faults=[None, None, fault])
    first = account.sync()
    checks.failed(first)
    before = batches.emitted(first, "conversations")
    assert first.bookmark("conversations") == before[-1]["updated_at"]
    after = batches.emitted(checks.succeeded(account.sync()), "conversations")
    is_whole(account.sandbox, "conversations", before + after)
    known = expected.records(account.data, "conversations")
    assert len(after) < len(known) - len(before) + 20


def test_paths_that_exist_under_beta_only_are_found_there(account_of, wanted):
    paths = {"/v1/agents", "/v1/queues", "/v1/conversations/activitylog"}
    account = account_of(*SURE, **SMALL, beta_only=paths)
    assert emitted(checks.succeeded(account.sync())) == wanted
    missing = [path for path, _, status in account.answered if status == 404]
    members = f"/v1/queues/{account.data.directory.queues[0]['id']}/members"
    assert sorted(missing) == sorted({*paths, members, "/v1/agents/presence"})


def test_they_are_found_although_the_first_row_that_is_asked_for_is_gone(account_of):
    gone = Refusal(404)  # for the members of the first queue, under /beta too
    account = account_of(
        "queue_members", **SMALL, beta_only={"/v1/queues"}, api_faults=[None, gone]
    )
    run = checks.succeeded(account.sync())
    first = account.data.directory.queues[0]["id"]
    account.behaviour.beta_only.clear()
    known = records_of(account.sandbox)["queue_members"].values()
    assert f"queueId {first} no longer exists and is skipped" in run.log
    read = sorted((row["queueId"], row["agentId"]) for row in run.records("queue_members"))
    assert read == sorted((r["queueId"], r["agentId"]) for r in known if r["queueId"] != first)

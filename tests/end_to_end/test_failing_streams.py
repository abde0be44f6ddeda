"""A stream that fails does not keep the others from being synced."""

from __future__ import annotations

import pytest

from tap_dixa.retry import ATTEMPTS_UNAVAILABLE, MAX_ATTEMPTS
from tests import expected
from tests.conftest import HOUR, NOON, catalog, made, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import ALL, records_of
from tests.end_to_end.queried import announced, batches_in
from tests.faults import Odd, Refusal

PATHS = {
    "conversations": "/v1/conversation_export",
    "messages": "/v1/message_export",
    "activity_logs": "/v1/conversations/activitylog",
    "agents": "/v1/agents",
    "end_users": "/v1/endusers",
    "queues": "/v1/queues",
    "teams": "/v1/teams",
    "tags": "/v1/tags",
    "custom_attributes": "/v1/custom-attributes",
    "contact_endpoints": "/v1/contact-endpoints",
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
def test_a_stream_without_an_endpoint_fails_alone(serve, run_tap, wanted, down):
    sandbox = serve(conversations=40, days=6, missing={PATHS[down]})
    run = run_tap(settings(sandbox), catalog=catalog(*SURE))
    failed = {down} | DEPENDENT.get(down, set())
    assert run.status == 1
    assert emitted(run) == {s: 0 if s in failed else number for s, number in wanted.items()}
    (line,) = run.errors
    assert f"{len(failed)} of {len(SURE)} streams failed, the others were synced: " in line
    for stream in failed:
        assert f"{stream}: " in line
    assert "there is nothing at this address" in line
    assert "deselect the stream" in line
    assert run.log.splitlines()[-1] == line
    for stream in {"conversations", "messages", "activity_logs"} - failed:
        newest = max(r[CURSORS[stream]] for r in run.records(stream))
        assert run.bookmark(stream) == newest


def test_what_an_account_lacks_is_skipped(serve, run_tap, wanted):
    sandbox = serve(conversations=40, days=6, missing={*OPTIONAL.values()})
    config = settings(sandbox, emit_activate_version_messages=True)
    run = checks.succeeded(run_tap(config, catalog=catalog(*OPTIONAL, "agents")))
    assert {message["stream"] for message in run.of("RECORD")} == {"agents"}
    assert len(run.records("agents")) == wanted["agents"]
    assert [message["stream"] for message in run.of("ACTIVATE_VERSION")] == ["agents"]
    warnings = checks.warnings(run)
    assert len(warnings) == len(OPTIONAL)
    for stream in OPTIONAL:
        (line,) = (line for line in warnings if f"Skipping stream {stream}: " in line)
        assert "the account lacks this feature" in line


def test_a_wrong_address_is_an_error_whatever_is_selected(serve, run_tap):
    sandbox = serve(missing={"/v1/"})
    run = run_tap(settings(sandbox), catalog=catalog("knowledge_articles", "templates"))
    assert "Check exports_api_url and dixa_api_url" in checks.failed(run)


def test_conversations_and_messages_are_synced_first(serve, run_tap):
    sandbox = serve(conversations=40, days=6)
    run = checks.succeeded(run_tap(settings(sandbox), catalog=catalog(*SURE)))
    order = [message["stream"] for message in run.of("SCHEMA")]
    assert order[:2] == ["conversations", "messages"]


@pytest.mark.parametrize("status", [400, 403])
def test_a_list_that_is_refused_half_way_fails_alone(serve, run_tap, status):
    sandbox = serve(conversations=40, days=6)
    sandbox.behaviour.api_faults.extend([None, Refusal(status)])
    streams = ("conversations", "end_users", "tags")
    run = run_tap(settings(sandbox, page_size=5), catalog=catalog(*streams))
    assert "1 of 3 streams failed, the others were synced: end_users: " in checks.failed(run)
    assert len(run.records("end_users")) == 5
    assert run.records("tags")
    assert run.bookmark("conversations")


def test_an_export_that_fails_for_good_fails_alone(serve, run_tap):
    sandbox = serve(conversations=40, days=6)
    # Six days and their halves, down to less than an hour, and not one more.
    sandbox.behaviour.faults.extend([Refusal(500)] * 12)
    streams = ("conversations", "messages", "tags")
    run = run_tap(settings(sandbox), catalog=catalog(*streams))
    line = checks.failed(run)
    assert "1 of 3 streams failed, the others were synced: conversations: " in line
    assert "Dixa responded with 500" in line
    assert run.records("conversations") == []
    checks.emitted_exactly(run, "messages", expected.records(sandbox.data, "messages"))
    assert run.records("tags")


def test_a_list_that_fails_for_good_fails_alone(serve, run_tap):
    sandbox = serve(conversations=40, days=6)
    sandbox.behaviour.api_faults.extend([None, *[Refusal(500)] * MAX_ATTEMPTS])
    streams = ("conversations", "teams", "tags", "activity_logs")
    run = run_tap(settings(sandbox), catalog=catalog(*streams))
    line = checks.failed(run)
    assert "1 of 4 streams failed, the others were synced: tags could not be read: " in line
    assert run.records("tags") == []
    assert run.records("teams")
    assert run.records("activity_logs")


def test_while_an_api_is_down_later_streams_give_up_soon(serve, run_tap):
    sandbox = serve(conversations=40, days=6)
    sandbox.behaviour.api_faults.extend([Refusal(503)] * 100)
    streams = ("teams", "tags", "queues")
    run = run_tap(settings(sandbox), catalog=catalog(*streams))
    assert run.status == 1
    assert "3 of 3 streams failed" in run.errors[0]
    assert len(sandbox.answered) == MAX_ATTEMPTS + 2 * ATTEMPTS_UNAVAILABLE


def test_a_stream_with_an_unusable_record_fails_after_what_came_before(serve, run_tap):
    sandbox = serve(conversations=40, days=20)
    # The fourth export is the second window of messages.
    sandbox.behaviour.faults.extend([None, None, None, None, Odd('{"csid": 1}')])
    run = run_tap(
        settings(sandbox, window_days=7), catalog=catalog("conversations", "messages", "tags")
    )
    line = checks.failed(run)
    assert "messages: " in line
    assert "missing required field `created_at`" in line
    assert run.records("tags")
    assert len(run.records("conversations")) == len(expected.records(sandbox.data, "conversations"))
    bookmark = run.bookmark("messages")
    assert bookmark == max(record["created_at"] for record in run.records("messages"))


def test_with_batch_the_state_has_what_was_announced_before_a_failure(serve, run_tap, tmp_path):
    sandbox = serve(conversations=300, days=20)
    sandbox.behaviour.faults.extend([None, None, Odd('{"updated_at": 1}')])
    in_order = {"window_days": 7, "parallel_downloads": 1}
    config = settings(sandbox, batch_config=batches_in(tmp_path), **in_order)
    first = run_tap(config, catalog=catalog("conversations", "messages"))
    assert first.status == 1
    assert "conversations: " in first.errors[0]
    before = announced(first, "conversations")
    assert first.bookmark("conversations") == before[-1]["updated_at"]
    second = checks.succeeded(run_tap(config, catalog=catalog("conversations"), state=first.state))
    after = announced(second, "conversations")
    assert len(before) > 100
    found = {record["id"]: record for record in before + after}
    checks.same(found.values(), expected.records(sandbox.data, "conversations"))


def test_no_access_at_all_ends_the_run_at_once(serve, run_tap):
    sandbox = serve(conversations=40, days=6)
    config = settings(sandbox, api_token="of-another-account")  # noqa: S106 (it opens nothing)
    run = run_tap(config, catalog=catalog("conversations", "tags"))
    line = checks.failed(run)
    assert "Dixa did not accept api_token" in line
    assert "streams failed" not in line


def test_paths_that_exist_under_beta_only_are_found_there(serve, run_tap, wanted):
    paths = {"/v1/agents", "/v1/queues", "/v1/conversations/activitylog"}
    sandbox = serve(conversations=40, days=6, beta_only=paths)
    run = checks.succeeded(run_tap(settings(sandbox), catalog=catalog(*SURE)))
    assert emitted(run) == wanted
    missing = [path for path, _, status in sandbox.answered if status == 404]
    assert sorted(missing) == sorted({*paths, f"/v1/queues/{members(sandbox)[0]}/members"})


def members(sandbox):
    """Give the queues in the order in which their members are requested."""
    return [queue["id"] for queue in sandbox.data.directory.queues]


def test_the_next_run_resumes_the_stream_that_failed(serve, run_tap):
    sandbox = serve(conversations=60, days=10, missing={PATHS["messages"]})
    first = run_tap(settings(sandbox))
    assert first.status == 1
    sandbox.behaviour.missing.clear()
    sandbox.data.now.now += HOUR
    second = checks.succeeded(run_tap(settings(sandbox), state=first.state))
    checks.emitted_exactly(
        second, "messages", expected.records(sandbox.data, "messages", 0, NOON + 3 * HOUR)
    )

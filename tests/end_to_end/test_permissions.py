"""What the token may not read, and a token that Dixa stops to accept."""

from __future__ import annotations

import pytest

from tests import expected
from tests.conftest import catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import ALL
from tests.faults import Refusal


def test_a_stream_that_the_token_may_not_read_is_skipped(serve, run_tap):
    rights = {"/v1/agents": 403, "/v1/queues": 401, "/v1/knowledge/collections/": 403}
    denied = ("conversations", "agents", "queues", "queue_members", "knowledge_articles")
    granted = ("teams", "tags", "knowledge_collections", "business_hours_definitions")
    sandbox = serve(forbidden=rights)
    sandbox.behaviour.faults.append(Refusal(403))
    config = settings(sandbox, emit_activate_version_messages=True)
    run = checks.succeeded(run_tap(config, catalog=catalog("messages", *denied, *granted)))
    warnings = checks.warnings(run)
    assert len(warnings) == len(denied)
    for stream in denied:
        assert run.records(stream) == []
        assert run.of("ACTIVATE_VERSION", stream) == []
        assert sum(f"Skipping stream {stream}: " in line for line in warnings) == 1
    for stream in granted:
        assert run.records(stream)
        assert len(run.of("ACTIVATE_VERSION", stream)) == 1
    checks.emitted_exactly(run, "messages", expected.records(sandbox.data, "messages"))


def test_a_token_that_may_read_nothing_is_one_line(serve, run_tap):
    sandbox = serve()
    run = run_tap(settings(sandbox, api_token="wr0ngt0ken"), catalog=catalog(*ALL))  # noqa: S106
    assert "Settings, Integrations, API Tokens" in checks.failed(run)
    assert "WARNING" not in run.log
    assert run.records("conversations") == []


@pytest.mark.parametrize(
    ("stream", "before"),
    [("queue_members", 2), ("conversation_notes", 2), ("knowledge_articles", 6)],
)
def test_a_right_that_ends_half_way_ends_the_run(serve, run_tap, stream, before):
    sandbox = serve(conversations=40, days=6)
    sandbox.behaviour.api_faults.extend([*[None] * before, *[Refusal(403)] * 20])
    run = run_tap(settings(sandbox), catalog=catalog(stream))
    assert "has no access to this" in checks.failed(run)


@pytest.mark.parametrize(
    ("streams", "exports", "others"),
    [
        (("conversations", "messages"), 1, 0),
        (("conversations", "agents"), 1, 0),
        (("agents", "teams"), 0, 1),
        (("queue_members",), 0, 1),
        (("conversation_flows",), 0, 2),
        (("knowledge_articles",), 0, 3),
        (("conversation_notes",), 1, 8),
        (("conversations", "analytics_records"), 1, 0),
        (("teams", "activity_logs"), 0, 1),
    ],
)
def test_a_token_that_is_no_longer_accepted_fails_what_is_left(
    serve, run_tap, streams, exports, others
):
    sandbox = serve(conversations=26, days=6)
    sandbox.behaviour.faults.extend([*[None] * exports, *[Refusal(401)] * 30])
    sandbox.behaviour.api_faults.extend([*[None] * others, *[Refusal(401)] * 30])
    config = settings(sandbox, emit_activate_version_messages=True)
    run = run_tap(config, catalog=catalog(*streams))
    assert "no longer accepts api_token, which it accepted earlier" in checks.failed(run)
    assert "Skipping stream" not in run.log
    assert "is skipped" not in run.log


@pytest.mark.parametrize(
    ("refused", "readable", "skipped"),
    [("faults", "agents", 1), ("api_faults", "conversations", 2)],
)
def test_a_token_for_one_api_alone_is_no_failure(serve, run_tap, refused, readable, skipped):
    sandbox = serve(conversations=26, days=6)
    getattr(sandbox.behaviour, refused).extend([Refusal(401)] * 9)
    chosen = catalog("conversations", "agents", "tags")
    run = checks.succeeded(run_tap(settings(sandbox), catalog=chosen))
    assert run.records(readable)
    assert run.log.count("Skipping stream") == skipped

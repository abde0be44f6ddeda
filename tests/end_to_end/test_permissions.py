"""What the token may not read."""

from __future__ import annotations

from tests import expected
from tests.conftest import catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import ALL
from tests.faults import Refusal


def test_a_stream_that_the_token_may_not_read_is_skipped(serve, run_tap):
    rights = {"/v1/agents": 403, "/v1/queues": 401, "/v1/knowledge/collections/": 403}
    denied = ("agents", "queues", "queue_members", "knowledge_articles")
    granted = ("teams", "tags", "knowledge_collections", "business_hours_definitions")
    sandbox = serve(forbidden=rights)
    config = settings(sandbox, emit_activate_version_messages=True)
    run = checks.succeeded(run_tap(config, catalog=catalog(*expected.STREAMS, *denied, *granted)))
    warnings = checks.warnings(run)
    assert len(warnings) == len(denied)
    for stream in denied:
        assert run.records(stream) == []
        assert run.of("ACTIVATE_VERSION", stream) == []
        assert sum(f"Skipping stream {stream}: " in line for line in warnings) == 1
    for stream in granted:
        assert run.records(stream)
        assert len(run.of("ACTIVATE_VERSION", stream)) == 1


def test_a_token_that_may_read_nothing_is_one_line(serve, run_tap):
    sandbox = serve()
    run = run_tap(settings(sandbox, api_token="wr0ngt0ken"), catalog=catalog(*ALL))  # noqa: S106
    assert "Settings, Integrations, API Tokens" in checks.failed(run)
    assert "WARNING" not in run.log
    assert run.records("conversations") == []


def test_an_export_that_the_token_may_not_read_is_skipped(serve, run_tap):
    sandbox = serve()
    sandbox.behaviour.faults.append(Refusal(403))
    run = checks.succeeded(run_tap(settings(sandbox)))
    assert run.log.count("Skipping stream") == 1
    assert run.records("conversations") == []
    checks.emitted_exactly(run, "messages", expected.records(sandbox.data, "messages"))


def test_a_right_that_ends_half_way_ends_the_run(serve, run_tap):
    for stream, before in (
        ("queue_members", 2),
        ("conversation_notes", 2),
        ("knowledge_articles", 6),
    ):
        sandbox = serve(conversations=40, days=6)
        sandbox.behaviour.api_faults.extend([*[None] * before, *[Refusal(403)] * 20])
        run = run_tap(settings(sandbox), catalog=catalog(stream))
        assert "has no access to this" in checks.failed(run)

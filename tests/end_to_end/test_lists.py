"""Pages and rows of the Dixa API that are none, or too large."""

from __future__ import annotations

import json
import sys
import zlib

import pytest

from tap_dixa.retry import MAX_ATTEMPTS
from tests.conftest import catalog, settings
from tests.end_to_end import checks, memory
from tests.faults import Refusal


def huge(size):
    """Spell a page without rows that is small until it is decompressed, to so many MB."""
    compress = zlib.compressobj(level=1, wbits=31)
    parts = [b'{"data": [', *[b" " * (1 << 20)] * size, b"]}"]
    body = b"".join(compress.compress(part) for part in parts) + compress.flush()
    return {"Content-Encoding": "gzip"}, body.decode("utf-8", "surrogateescape")


@pytest.mark.slow
def test_a_response_that_memory_does_not_hold_is_refused(serve, run_tap, tmp_path):
    sandbox = serve()
    config, chosen = settings(sandbox), catalog("agents", "teams", "tags")
    refusals = [Refusal(200, *huge(300)), Refusal(400, *huge(300))]
    sandbox.behaviour.api_faults.extend(refusals)
    run = run_tap(config, catalog=chosen)
    assert run.status == 1
    assert run.records("tags")
    assert "2 of 3 streams failed" in run.errors[-1]
    assert "agents: Dixa sent a page of more than 64 MB" in run.errors[-1]
    assert "teams: Dixa did not accept" in run.errors[-1]
    options = []
    for name, content in (("config", config), ("catalog", chosen)):
        (tmp_path / name).write_text(json.dumps(content))
        options += [f"--{name}", str(tmp_path / name)]
    sandbox.behaviour.api_faults.extend(refusals)
    assert memory.peak_of([sys.executable, "-m", "tap_dixa", *options], status=1) < 250


def test_a_window_with_a_page_that_is_too_large_is_halved(serve, run_tap):
    sandbox = serve(conversations=40, days=4)
    sandbox.behaviour.api_faults.append(Refusal(200, *huge(65)))
    run = checks.succeeded(run_tap(settings(sandbox), catalog=catalog("activity_logs")))
    whole = run_tap(settings(sandbox), catalog=catalog("activity_logs"))
    assert run.records("activity_logs") == whole.records("activity_logs") != []


UNUSABLE_ROWS = [
    '{"name": "x"}',
    '{"id": null}',
    '{"id": ""}',
    '{"id": {"id": "x"}}',
    '"x"',
    "7",
    "[]",
]


@pytest.mark.parametrize(
    "stream", ["queues", "queue_members", pytest.param("contact_endpoints", marks=pytest.mark.slow)]
)
def test_a_row_that_is_none_fails_the_stream_alone(serve, run_tap, stream):
    name = "address" if stream == "contact_endpoints" else "id"
    for row in UNUSABLE_ROWS:
        sandbox = serve()
        body = f'{{"data": [{row.replace("id", name)}]}}'
        sandbox.behaviour.api_faults.append(Refusal(200, body=body))
        run = run_tap(settings(sandbox), catalog=catalog(stream, "business_hours_schedules"))
        assert "Dixa sent a row whose" in checks.failed(run), row
        assert run.records(stream) == [], row
        assert run.records("business_hours_schedules"), row


ROW = '"data": [{"id": "a"}]'
NO_PAGES = [
    f'{{{ROW}, "meta": "x"}}',
    f'{{{ROW}, "meta": []}}',
    f'{{{ROW}, "meta": {{"next": {{"href": "?pageKey=1"}}}}}}',
    f'{{{ROW}, "meta": {{"next": 7}}}}',
    f'{{{ROW}, "meta": {{"next": "http://[bad"}}}}',
    f'{{{ROW}, "meta": {{"next": "http://\u2100.example/"}}}}',
    '{"data": "x"}',
    '{"data": {"id": "a"}}',
    '{"message": "no"}',
    '{"meta": {}, "items": []}',
    "[]",
    '"x"',
]


def test_pages_that_are_none_are_retried_and_fail_their_streams_alone(serve, run_tap, evidence):
    sandbox = serve()
    bodies = (NO_PAGES * 2)[: 2 * MAX_ATTEMPTS]
    sandbox.behaviour.api_faults.extend(Refusal(200, body=body) for body in bodies)
    streams = ("agents", "teams", "tags")
    run = run_tap(settings(sandbox), catalog=catalog(*streams))
    line = checks.failed(run)
    assert "2 of 3 streams failed, the others were synced: agents could not be read: " in line
    assert run.log.count("retrying in") == len(bodies) - 2
    assert run.records("agents") == run.records("teams") == []
    assert run.records("tags")
    evidence("pages that are none, refused", len(NO_PAGES))


@pytest.mark.parametrize(
    ("stream", "data", "said"),
    [
        ("teams", ['[{"name": "nobody"}]'], "whose id cannot be used"),
        ("teams", ["[7]"], "whose id cannot be used"),
        ("organization", ['{"name": "nobody"}'], "whose id cannot be used"),
        (
            "knowledge_articles",
            ['[{"id": "c"}]', '{"categories": [{"articles": [{"id": "a"}, {"title": "t"}]}]}'],
            "whose articles and categories cannot be used",
        ),
    ],
)
def test_a_row_without_a_key_stops_the_run(serve, run_tap, stream, data, said):
    sandbox = serve()
    faults = [Refusal(200, body=f'{{"data": {rows}}}') for rows in data]
    sandbox.behaviour.api_faults.extend(faults)
    run = run_tap(settings(sandbox), catalog=catalog(stream))
    assert said in checks.failed(run)


def test_the_wild_links_lead_nowhere_else(serve, run_tap):
    sandbox, other = serve(), serve()
    row = '{"id": "1", "createdAt": "2021-12-01T12:46:36.5Z[GMT]"}'
    link = f'"next": "{other.url}/v1/agents?pageKey=x"'
    sandbox.behaviour.api_faults.extend(
        [
            Refusal(200, body=f'{{"data": [{row}], "meta": {{{link}}}}}'),
            Refusal(200, body=f'{{"data": [], "meta": {{{link}}}}}'),
        ]
    )
    run = checks.succeeded(run_tap(settings(sandbox), catalog=catalog("agents")))
    assert run.records("agents") == [{"id": "1", "createdAt": "2021-12-01T12:46:36.500Z"}]
    assert other.answered == []
    assert [query for _, query, _ in sandbox.answered] == [{}, {"pageKey": "x"}]

"""Lists of the Dixa API that are not surely whole, and pages that are no pages."""

from __future__ import annotations

import copy
import json
import sys
import zlib

import pytest

from tap_dixa.retry import MAX_ATTEMPTS
from tap_dixa.sandbox.faults import Refusal
from tests.conftest import EXPORTS, both_paths, catalog, settings
from tests.end_to_end import checks, memory


def page(rows, link=None, **extra):
    """Spell a page of a list."""
    meta = {} if link is None else {"meta": {"next": link}}
    return Refusal(200, body=json.dumps({"data": rows, **meta, **extra}))


AGENT, OTHER = {"id": "a"}, {"id": "b"}
WITHOUT_ROWS = {
    "agents": [Refusal(200, body="{}")],
    "teams": [Refusal(200, body='{"meta": {"previous": "?pageKey=x"}}')],
    "business_hours_schedules": [Refusal(200, body='{"data": {}}')],
    "queue_members": [page([AGENT, OTHER]), Refusal(200, body="{}"), page([{"agentId": "1"}])],
    "team_members": [Refusal(200, body="{}")],
    "knowledge_categories": [Refusal(200, body="{}")],
    "knowledge_articles": [page([AGENT]), Refusal(200, body="{}")],
}
LAST_PAGES = {
    "a link back": [
        page([AGENT], "?pageKey=1"),
        page([OTHER], "?pageKey=2"),
        page([], "?pageKey=1"),
    ],
    "a link to itself": [page([AGENT], "?pageKey=1"), page([OTHER], "https://x/?pageKey=1")],
    "a link to the first page": [page([AGENT, OTHER], "/v1/agents")],
    "a link that looks new": [page([AGENT], "?pageKey=1"), page([OTHER], "?pageKey=1\t")],
    "a page without rows amid others": [
        page([AGENT], "?pageKey=1"),
        Refusal(200, body='{"meta": {"next": "?pageKey=2"}}'),
        page([OTHER]),
    ],
}


@both_paths
def test_an_export_that_is_read_anew_deletes_nothing(serve, run_tap, options):
    # What lies before start_date was not read, and a target may hold it.
    sandbox = serve(conversations=20, days=4)
    streams = (*EXPORTS, "activity_logs", "conversation_notes")
    chosen = copy.deepcopy(catalog(*streams, "teams"))
    for entry in chosen["streams"]:
        entry["replication_method"] = "FULL_TABLE"
    config = settings(sandbox, emit_activate_version_messages=True, **options)
    run = run_tap(config, catalog=chosen)
    checks.succeeded(run)
    for stream in streams:
        assert run.records(stream)
    assert [message["stream"] for message in run.of("ACTIVATE_VERSION")] == ["teams"]


@pytest.mark.parametrize("stream", WITHOUT_ROWS)
def test_a_list_without_rows_in_it_deletes_nothing(serve, run_tap, stream):
    sandbox = serve()
    sandbox.behaviour.api_faults.extend(WITHOUT_ROWS[stream])
    config = settings(sandbox, emit_activate_version_messages=True)
    run = run_tap(config, catalog=catalog(stream))
    checks.succeeded(run)
    assert len(run.records(stream)) == (stream == "queue_members")
    assert run.of("ACTIVATE_VERSION") == []
    assert run.log.count("a page without a list of rows") == 1


@pytest.mark.parametrize("pages", LAST_PAGES.values(), ids=LAST_PAGES)
def test_a_list_whose_end_is_in_doubt_deletes_nothing(serve, run_tap, pages):
    sandbox = serve()
    sandbox.behaviour.api_faults.extend(pages)
    config = settings(sandbox, emit_activate_version_messages=True)
    run = run_tap(config, catalog=catalog("agents"))
    checks.succeeded(run)
    assert run.records("agents") == [AGENT, OTHER]
    assert run.of("ACTIVATE_VERSION") == []
    assert run.log.count("WARNING") == 1


def test_a_parent_that_is_deleted_meanwhile_leaves_the_list_whole(serve, run_tap):
    sandbox = serve()
    sandbox.behaviour.api_faults.extend(
        [page([AGENT, OTHER]), page([{"agentId": "1"}]), Refusal(404)]
    )
    config = settings(sandbox, emit_activate_version_messages=True)
    run = run_tap(config, catalog=catalog("queue_members"))
    checks.succeeded(run)
    assert run.records("queue_members") == [{"queueId": "a", "agentId": "1"}]
    assert len(run.of("ACTIVATE_VERSION")) == 1


MANY = range(200)
TIME = "2026-03-09T00:00:00Z"
ENDLESS = {
    "a page again and again": [page([AGENT], f"?pageKey={n}") for n in MANY],
    "two pages in turn": [page([{"id": f"{n % 2}"}], f"?pageKey={n}") for n in MANY],
    "an entry again and again": [
        page([{"id": "a", "activityTimestamp": TIME}], f"?pageKey={n}") for n in MANY
    ],
}


@pytest.mark.parametrize("pages", ENDLESS.values(), ids=ENDLESS)
def test_pages_without_an_end_fail_the_stream(serve, run_tap, pages):
    sandbox = serve(conversations=4, days=10)
    stream = "activity_logs" if TIME in pages[0].body else "agents"
    sandbox.behaviour.api_faults.extend(pages)
    config = settings(sandbox, emit_activate_version_messages=True)
    run = run_tap(config, catalog=catalog(stream))
    assert run.status == 1
    assert len(run.errors) == 1
    assert "so the rest of the list cannot be read" in run.errors[0]
    assert "Traceback" not in run.log
    assert run.of("ACTIVATE_VERSION") == []
    assert len(sandbox.answered) <= 4
    if stream == "activity_logs":
        assert run.records(stream) == []


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
    run = run_tap(settings(sandbox), catalog=catalog("activity_logs"))
    checks.succeeded(run)
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
        assert run.status == 1, row
        assert len(run.errors) == 1, row
        assert "Dixa sent a row whose" in run.errors[0], row
        assert "Traceback" not in run.log, row
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
    '{"data": null}',
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
    assert run.status == 1
    (line,) = run.errors
    assert "2 of 3 streams failed, the others were synced: agents could not be read: " in line
    assert "Traceback" not in run.log
    assert run.log.count("retrying in") == len(bodies) - 2
    assert run.records("agents") == run.records("teams") == []
    assert run.records("tags")
    evidence("pages that are none, refused", len(NO_PAGES))

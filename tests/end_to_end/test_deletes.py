"""Rows that Dixa no longer lists: they are deleted if the list is surely whole."""

from __future__ import annotations

import copy
import json

import pytest

from tests.conftest import EXPORTS, both_paths, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.batches import batch_config, batched
from tests.end_to_end.everything import KEYS, LISTS
from tests.faults import Refusal


def page(rows, link=None, **extra):
    """Spell a page of a list."""
    meta = {} if link is None else {"meta": {"next": link}}
    return Refusal(200, body=json.dumps({"data": rows, **meta, **extra}))


AGENT, OTHER = {"id": "a"}, {"id": "b"}
WITHOUT_ROWS = {
    "agents": [Refusal(200, body="{}")],
    "queues": [Refusal(200, body='{"data": null, "meta": null}')],
    "tags": [Refusal(204)],
    "end_users": [Refusal(200)],
    "templates": [Refusal(200, body=" \n")],
    "organization": [Refusal(200, body='{"data": null}')],
    "custom_attributes": [Refusal(204)],
    "teams": [Refusal(200, body='{"meta": {"previous": "?pageKey=x"}}')],
    "business_hours_schedules": [Refusal(200, body='{"data": {}}')],
    "business_hours_definitions": [Refusal(200, body='{"data": {"schedules": null}}')],
    "queue_members": [page([AGENT, OTHER]), Refusal(200, body="{}"), page([{"agentId": "1"}])],
    "team_members": [page([AGENT]), Refusal(204)],
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
    "a page that says null": [
        page([AGENT], "?pageKey=1"),
        Refusal(200, body='{"data": null, "meta": {"next": "?pageKey=2"}}'),
        page([OTHER]),
    ],
    "a last page without a body": [
        page([AGENT], "?pageKey=1"),
        page([OTHER], "?pageKey=2"),
        Refusal(204),
    ],
}


def test_deleted_rows_are_announced_after_the_last_row(serve, run_tap, tmp_path):
    sandbox = serve()
    run = run_tap(settings(sandbox, emit_activate_version_messages=True), catalog=catalog(*KEYS))
    checks.succeeded(run)
    for stream in LISTS:
        mine = [message for message in run.messages if message.get("stream") == stream]
        assert [message["type"] for message in mine].count("ACTIVATE_VERSION") == 1
        assert mine[-1]["type"] == "ACTIVATE_VERSION"
        assert {m["version"] for m in mine if m["type"] == "RECORD"} == {mine[-1]["version"]}
    assert run.of("ACTIVATE_VERSION", "activity_logs") == []

    # With BATCH too: then each row says its version, as no message does.
    config = settings(
        sandbox, emit_activate_version_messages=True, batch_config=batch_config(tmp_path)
    )
    run = checks.succeeded(run_tap(config, catalog=catalog(*KEYS)))
    for stream in LISTS:
        *batches, last = (message for message in run.messages if message.get("stream") == stream)
        assert [message["type"] for message in batches] == ["SCHEMA", "BATCH"]
        assert last["type"] == "ACTIVATE_VERSION"
        rows = batched(run, stream)
        assert {row["_sdc_table_version"] for row in rows} == {last["version"]}
    assert run.of("ACTIVATE_VERSION", "activity_logs") == []
    assert not any("_sdc_table_version" in row for row in batched(run, "activity_logs"))


@pytest.mark.parametrize("batches", [False, True], ids=["records", "batches"])
def test_an_interrupted_list_throws_nothing_away(serve, run_tap, tmp_path, batches):
    sandbox = serve(conversations=900)
    sandbox.behaviour.api_faults.extend([None, Refusal(400)])
    config = settings(sandbox, emit_activate_version_messages=True)
    if batches:
        config["batch_config"] = batch_config(tmp_path, batch_size=50)
    run = run_tap(config, catalog=catalog("end_users"))
    assert run.status == 1
    assert batched(run, "end_users") if batches else run.records("end_users")
    assert run.of("ACTIVATE_VERSION") == []


@both_paths
def test_an_export_that_is_read_anew_deletes_nothing(serve, run_tap, options):
    # What lies before start_date was not read, and a target may hold it.
    sandbox = serve(conversations=20, days=4)
    streams = (*EXPORTS, "activity_logs", "conversation_notes")
    chosen = copy.deepcopy(catalog(*streams, "teams"))
    for entry in chosen["streams"]:
        entry["replication_method"] = "FULL_TABLE"
    config = settings(sandbox, emit_activate_version_messages=True, **options)
    run = checks.succeeded(run_tap(config, catalog=chosen))
    for stream in streams:
        assert run.records(stream)
    assert [message["stream"] for message in run.of("ACTIVATE_VERSION")] == ["teams"]


@pytest.mark.parametrize("stream", WITHOUT_ROWS)
def test_a_list_without_rows_in_it_deletes_nothing(serve, run_tap, stream):
    sandbox = serve()
    sandbox.behaviour.api_faults.extend(WITHOUT_ROWS[stream])
    config = settings(sandbox, emit_activate_version_messages=True)
    run = checks.succeeded(run_tap(config, catalog=catalog(stream)))
    assert len(run.records(stream)) == (stream == "queue_members")
    assert run.of("ACTIVATE_VERSION") == []
    assert run.log.count("a page without a list of rows") == 1


@pytest.mark.parametrize("pages", LAST_PAGES.values(), ids=LAST_PAGES)
def test_a_list_whose_end_is_in_doubt_deletes_nothing(serve, run_tap, pages):
    sandbox = serve()
    sandbox.behaviour.api_faults.extend(pages)
    config = settings(sandbox, emit_activate_version_messages=True)
    run = checks.succeeded(run_tap(config, catalog=catalog("agents")))
    assert run.records("agents") == [AGENT, OTHER]
    assert run.of("ACTIVATE_VERSION") == []
    assert run.log.count("WARNING") == 1


def test_a_parent_that_is_deleted_meanwhile_leaves_the_list_whole(serve, run_tap):
    sandbox = serve()
    sandbox.behaviour.api_faults.extend(
        [page([AGENT, OTHER]), page([{"agentId": "1"}]), Refusal(404)]
    )
    config = settings(sandbox, emit_activate_version_messages=True)
    run = checks.succeeded(run_tap(config, catalog=catalog("queue_members")))
    assert run.records("queue_members") == [{"queueId": "a", "agentId": "1"}]
    assert len(run.of("ACTIVATE_VERSION")) == 1


MANY = range(20)
TIME = "2026-03-09T00:00:00Z"
ENDLESS = {
    "a page again and again": [page([AGENT] * 200, f"?pageKey={n}") for n in MANY],
    "two pages in turn": [page([{"id": f"{n % 2}"}] * 200, f"?pageKey={n}") for n in MANY],
    "an entry again and again": [
        page([{"id": "a", "activityTimestamp": TIME}] * 200, f"?pageKey={n}") for n in MANY
    ],
    "a row again and again": [page([AGENT], f"?pageKey={n}") for n in range(2000)],
    "no row again and again": [page([], f"?pageKey={n}") for n in range(2000)],
}


@pytest.mark.parametrize("pages", ENDLESS.values(), ids=ENDLESS)
def test_pages_without_an_end_fail_the_stream(serve, run_tap, pages):
    sandbox = serve(conversations=4, days=10)
    stream = "activity_logs" if TIME in pages[0].body else "agents"
    sandbox.behaviour.api_faults.extend(pages)
    config = settings(sandbox, emit_activate_version_messages=True)
    run = run_tap(config, catalog=catalog(stream))
    assert "so the rest of the list cannot be read" in checks.failed(run)
    assert run.of("ACTIVATE_VERSION") == []
    assert len(sandbox.answered) <= (8 if len(pages) == len(MANY) else 1002)
    if stream == "activity_logs":
        assert run.records(stream) == []


@pytest.mark.parametrize("rows", [[AGENT], [AGENT, AGENT], []], ids=len)
def test_equal_pages_under_new_links_are_read_to_the_end(serve, run_tap, rows):
    sandbox = serve()
    sandbox.behaviour.api_faults.extend(
        [*(page(rows, f"?k={n}") for n in range(150)), page([OTHER])]
    )
    config = settings(sandbox, emit_activate_version_messages=True)
    run = checks.succeeded(run_tap(config, catalog=catalog("agents")))
    assert run.records("agents") == [*rows * 150, OTHER]
    assert len(run.of("ACTIVATE_VERSION")) == 1

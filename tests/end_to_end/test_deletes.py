"""Rows that Dixa no longer lists: they are deleted if the list is surely whole."""

from __future__ import annotations

import copy
import json
from itertools import cycle

import pytest

from tests.conftest import EXPORTS, both_paths, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.batches import batch_config, batched
from tests.end_to_end.everything import KEYS, LISTS
from tests.faults import Refusal


def page(rows, link=None):
    """Spell a page of a list."""
    meta = {} if link is None else {"meta": {"next": link}}
    return Refusal(200, body=json.dumps({"data": rows, **meta}))


def bodies(*texts):
    """Give a response with each body."""
    return [Refusal(200, body=text) for text in texts]


@pytest.fixture
def sandbox(serve):
    return serve(conversations=20, days=5)


@pytest.fixture
def sync(sandbox, run_tap):
    """Give a function that syncs streams with ACTIVATE_VERSION, from some responses at first."""

    def run(*streams, responses=(), chosen=None, **options):
        sandbox.behaviour.api_faults.extend(responses)
        config = settings(sandbox, emit_activate_version_messages=True, **options)
        return run_tap(config, catalog=chosen or catalog(*streams))

    return run


AGENT, OTHER = {"id": "a"}, {"id": "b"}
WITHOUT_ROWS = {
    "agents": bodies("{}"),
    "end_users": bodies(""),
    "queues": bodies('{"data": null, "meta": null}'),
    "queue_members": [page([AGENT, OTHER]), *bodies("{}"), page([{"agentId": "1"}])],
    "teams": bodies('{"meta": {"previous": "?pageKey=x"}}'),
    "team_members": [page([AGENT]), Refusal(204)],
    "tags": [Refusal(204)],
    "custom_attributes": [Refusal(204)],
    "business_hours_schedules": bodies('{"data": {}}'),
    "business_hours_definitions": bodies('{"data": {"schedules": null}}'),
    "templates": bodies(" \n"),
    "organization": bodies('{"data": null}'),
    "knowledge_categories": bodies("{}"),
    "knowledge_articles": [page([AGENT]), *bodies("{}")],
}
"""Lists without rows, in the order in which the streams are synced."""
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
        *bodies('{"meta": {"next": "?pageKey=2"}}'),
        page([OTHER]),
    ],
    "a last page without a body": [
        page([AGENT], "?pageKey=1"),
        page([OTHER], "?pageKey=2"),
        Refusal(204),
    ],
}


def test_deleted_rows_are_announced_after_the_last_row(sync, tmp_path):
    run = checks.succeeded(sync(*KEYS))
    for stream in LISTS:
        *_, row, last = (m for m in run.messages if m.get("stream") == stream)
        assert (row["type"], last["type"]) == ("RECORD", "ACTIVATE_VERSION")
        assert {m["version"] for m in run.of("RECORD", stream)} == {last["version"]}
    assert [m["stream"] for m in run.of("ACTIVATE_VERSION")] == LISTS

    # With BATCH too: then each row says its version, as no message does.
    run = checks.succeeded(sync(*KEYS, batch_config=batch_config(tmp_path)))
    for stream in LISTS:
        _, batch, last = (m for m in run.messages if m.get("stream") == stream)
        assert (batch["type"], last["type"]) == ("BATCH", "ACTIVATE_VERSION")
        assert {r["_sdc_table_version"] for r in batched(run, stream)} == {last["version"]}
    assert [m["stream"] for m in run.of("ACTIVATE_VERSION")] == LISTS
    assert not any("_sdc_table_version" in row for row in batched(run, "activity_logs"))


@pytest.mark.parametrize("batches", [False, True], ids=["records", "batches"])
def test_an_interrupted_list_throws_nothing_away(sync, tmp_path, batches):
    options = {"batch_config": batch_config(tmp_path, batch_size=3)} if batches else {}
    run = sync("end_users", responses=[None, Refusal(400)], page_size=5, **options)
    checks.failed(run)
    assert batched(run, "end_users") if batches else run.records("end_users")
    assert run.of("ACTIVATE_VERSION") == []


@both_paths
def test_an_export_that_is_read_anew_deletes_nothing(sync, options):
    # What lies before start_date was not read, and a target may hold it.
    streams = (*EXPORTS, "activity_logs", "conversation_notes")
    chosen = copy.deepcopy(catalog(*streams, "teams"))
    for entry in chosen["streams"]:
        entry["replication_method"] = "FULL_TABLE"
    run = checks.succeeded(sync(chosen=chosen, **options))
    assert all(run.records(stream) for stream in streams)
    assert [message["stream"] for message in run.of("ACTIVATE_VERSION")] == ["teams"]


def test_a_list_without_rows_in_it_deletes_nothing(sync):
    responses = [response for mine in WITHOUT_ROWS.values() for response in mine]
    run = checks.succeeded(sync(*WITHOUT_ROWS, responses=responses))
    assert [message["stream"] for message in run.of("RECORD")] == ["queue_members"]
    assert run.of("ACTIVATE_VERSION") == []
    assert run.log.count("a page without a list of rows") == len(WITHOUT_ROWS)


@pytest.mark.parametrize("pages", LAST_PAGES.values(), ids=LAST_PAGES)
def test_a_list_whose_end_is_in_doubt_deletes_nothing(sync, pages):
    run = checks.succeeded(sync("agents", responses=pages))
    assert run.records("agents") == [AGENT, OTHER]
    assert run.of("ACTIVATE_VERSION") == []
    assert len(checks.warnings(run)) == 1


def test_a_parent_that_is_deleted_meanwhile_leaves_the_list_whole(sync):
    pages = [page([AGENT, OTHER]), page([{"agentId": "1"}]), Refusal(404)]
    run = checks.succeeded(sync("queue_members", responses=pages))
    assert run.records("queue_members") == [{"queueId": "a", "agentId": "1"}]
    assert len(run.of("ACTIVATE_VERSION")) == 1


ENTRY = {"id": "a", "activityTimestamp": "2026-03-09T00:00:00Z"}


@pytest.mark.parametrize(
    ("stream", "pages", "most"),
    [
        ("agents", [[AGENT] * 200], 8),
        ("agents", [[AGENT] * 200, [OTHER] * 200], 8),
        ("activity_logs", [[ENTRY] * 200], 8),
        ("agents", [[AGENT]], 1002),
        pytest.param("agents", [[]], 1002, marks=pytest.mark.slow),
    ],
    ids=["a page", "two pages in turn", "an entry", "a row", "no row"],
)
def test_pages_without_an_end_fail_the_stream(sandbox, sync, stream, pages, most):
    turns = zip(range(most + 10), cycle(pages), strict=False)
    endless = [page(rows, f"?pageKey={number}") for number, rows in turns]
    run = sync(stream, responses=endless)
    assert "so the rest of the list cannot be read" in checks.failed(run)
    assert run.of("ACTIVATE_VERSION") == []
    assert len(sandbox.answered) <= most
    assert stream == "agents" or run.records(stream) == []


@pytest.mark.parametrize("rows", [[AGENT], []], ids=len)
def test_equal_pages_under_new_links_are_read_to_the_end(sync, rows):
    pages = [*(page(rows, f"?k={number}") for number in range(100)), page([OTHER])]
    run = checks.succeeded(sync("agents", responses=pages))
    assert run.records("agents") == [*rows * 100, OTHER]
    assert len(run.of("ACTIVATE_VERSION")) == 1

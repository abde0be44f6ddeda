"""Rows that Dixa no longer lists: they are deleted if the list is surely whole."""

import copy
from itertools import cycle

import pytest

from tests.conftest import EXPORTS, FAST_PATH, SDK_PATH, catalog
from tests.end_to_end import checks
from tests.end_to_end.batches import batch_config, batched, emitted
from tests.end_to_end.everything import KEYS, LISTS
from tests.faults import Refusal, page_of


def bodies(*texts):
    """Give a response with each body."""
    return [Refusal(200, body=text) for text in texts]


@pytest.fixture
def account(account_of):
    config = {"emit_activate_version_messages": True}
    return account_of(*KEYS, config=config, conversations=20, days=5)


AGENT, OTHER = {"id": "a"}, {"id": "b"}
WITHOUT_ROWS = {
    "agents": bodies("{}"),
    "end_users": [Refusal(204)],
    "queues": bodies('{"data": null, "meta": null}'),
    "queue_members": [page_of([AGENT, OTHER]), *bodies("{}"), page_of([{"agentId": "1"}])],
    "teams": bodies('{"meta": {"previous": "?pageKey=x"}}'),
    "team_members": [page_of([AGENT]), Refusal(204)],
    "tags": [Refusal(204)],
    "business_hours_schedules": bodies('{"data": {}}'),
    "business_hours_definitions": bodies('{"data": {"schedules": null}}'),
    "organization": bodies('{"data": null}'),
    "knowledge_articles": [page_of([AGENT]), *bodies("{}")],
}
"""Lists without rows, in the order in which the streams are synced."""
NEXT, THEN = page_of([AGENT], "?pageKey=1"), page_of([OTHER], "?pageKey=2")
LAST_PAGES = {
    "a link back": [NEXT, THEN, page_of([], "?pageKey=1")],
    "a link to itself": [NEXT, page_of([OTHER], "https://x/?pageKey=1")],
    "a link to the first page": [page_of([AGENT, OTHER], "/v1/agents")],
    "a link that looks new": [NEXT, page_of([OTHER], "?pageKey=1\t")],
    "a page without rows amid others": [
        NEXT, *bodies('{"meta": {"next": "?pageKey=2"}}'), page_of([OTHER])
    ],
    "a last page without a body": [NEXT, THEN, Refusal(204)],
}  # fmt: skip


def test_deleted_rows_are_announced_after_the_last_row(account, tmp_path):
    run = account.synced()
    for stream in LISTS:
        *_, row, last = (m for m in run.messages if m.get("stream") == stream)
        assert (row["type"], last["type"]) == ("RECORD", "ACTIVATE_VERSION")
        assert {m["version"] for m in run.of("RECORD", stream)} == {last["version"]}
    assert [m["stream"] for m in run.of("ACTIVATE_VERSION")] == LISTS

    # With BATCH too: then each row says its version, as no message does.
    run = account.synced(state={}, batch_config=batch_config(tmp_path))
    for stream in LISTS:
        _, batch, last = (m for m in run.messages if m.get("stream") == stream)
        assert (batch["type"], last["type"]) == ("BATCH", "ACTIVATE_VERSION")
        assert {r["_sdc_table_version"] for r in batched(run, stream)} == {last["version"]}
    assert [m["stream"] for m in run.of("ACTIVATE_VERSION")] == LISTS
    assert not any("_sdc_table_version" in row for row in batched(run, "activity_logs"))


@pytest.mark.parametrize("batches", [False, True], ids=["records", "batches"])
def test_an_interrupted_list_throws_nothing_away(account, tmp_path, batches):
    options = {"batch_config": batch_config(tmp_path, batch_size=3)} if batches else {}
    account.behaviour.api_faults.extend([None, Refusal(400)])
    account.failure("end_users", page_size=5, **options)
    (run,) = account.runs
    assert emitted(run, "end_users")
    assert run.of("ACTIVATE_VERSION") == []


@pytest.mark.parametrize("options", [FAST_PATH, SDK_PATH, None], ids=["fast", "SDK", "BATCH"])
def test_an_export_that_is_read_anew_deletes_nothing(account, tmp_path, options):
    # What lies before start_date was not read, and a target may hold it.
    options = {"batch_config": batch_config(tmp_path)} if options is None else options
    streams = (*EXPORTS, "activity_logs", "conversation_notes")
    chosen = copy.deepcopy(catalog(*streams, "teams"))
    for entry in chosen["streams"]:
        entry["replication_method"] = "FULL_TABLE"
    run = account.synced(chosen=chosen, **options)
    assert all(emitted(run, stream) for stream in streams)
    assert [message["stream"] for message in run.of("ACTIVATE_VERSION")] == ["teams"]


def test_a_list_without_rows_in_it_deletes_nothing(account):
    account.behaviour.api_faults.extend(r for mine in WITHOUT_ROWS.values() for r in mine)
    run = account.synced(*WITHOUT_ROWS)
    assert [message["stream"] for message in run.of("RECORD")] == ["queue_members"]
    assert run.of("ACTIVATE_VERSION") == []
    assert run.log.count("a page without a list of rows") == len(WITHOUT_ROWS)


@pytest.mark.parametrize("pages", LAST_PAGES.values(), ids=LAST_PAGES)
def test_a_list_whose_end_is_in_doubt_deletes_nothing(account, pages):
    account.behaviour.api_faults.extend(pages)
    run = account.synced("agents")
    assert run.records("agents") == [AGENT, OTHER]
    assert run.of("ACTIVATE_VERSION") == []
    assert len(checks.warnings(run)) == 1


ENTRY = {"id": "a", "activityTimestamp": "2026-03-09T00:00:00Z"}


@pytest.mark.parametrize(
    ("stream", "pages", "most"),
    [
        ("agents", [[AGENT] * 200, [OTHER] * 200], 8),
        ("activity_logs", [[ENTRY] * 200], 8),
        ("agents", [[AGENT]], 1002),
        pytest.param("agents", [[]], 1002, marks=pytest.mark.slow),
    ],
    ids=["two pages in turn", "an entry", "a row", "no row"],
)
def test_pages_without_an_end_fail_the_stream(account, stream, pages, most):
    turns = zip(range(most + 10), cycle(pages), strict=False)
    endless = [page_of(rows, f"?pageKey={number}") for number, rows in turns]
    account.behaviour.api_faults.extend(endless)
    assert "so the rest of the list cannot be read" in account.failure(stream)
    assert account.runs[-1].of("ACTIVATE_VERSION") == []
    assert len(account.answered) <= most
    assert stream == "agents" or account.runs[-1].records(stream) == []


@pytest.mark.parametrize("rows", [[AGENT], []], ids=len)
def test_equal_pages_under_new_links_are_read_to_the_end(account, rows):
    pages = [*(page_of(rows, f"?k={number}") for number in range(100)), page_of([OTHER])]
    account.behaviour.api_faults.extend(pages)
    run = account.synced("agents")
    assert run.records("agents") == [*rows * 100, OTHER]
    assert len(run.of("ACTIVATE_VERSION")) == 1

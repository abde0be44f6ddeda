"""The streams of the Dixa API."""

from __future__ import annotations

from collections import Counter
from functools import partial
from random import Random

import pytest

from tap_dixa.sandbox.faults import BrokenResponse, Refusal
from tests import expected
from tests.conftest import HOUR, NOON, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.batches import batch_config, batched
from tests.end_to_end.everything import (
    ALL,
    BY_CONVERSATION,
    KEYS,
    LISTS,
    key,
    rows,
    rows_by_conversation,
)
from tests.end_to_end.interrupted import read_until
from tests.end_to_end.killed import ended, killed_and_resumed, latest_state
from tests.sandbox.conftest import Client


def by_key(stream, records):
    return {key(stream, record): record for record in records}


def emitted(run, stream, wanted):
    """Every wanted record once, field by field, fitting its schema."""
    records = run.records(stream)
    counts = Counter(key(stream, record) for record in records)
    assert set(counts.values()) <= {1}
    assert by_key(stream, records) == by_key(stream, wanted)
    (schema,) = run.of("SCHEMA", stream)
    assert tuple(schema["key_properties"]) == KEYS[stream]
    checks.fits_its_schema(run, stream)


def test_every_stream_field_by_field_through_pages_and_faults(serve, run_tap, evidence):
    sandbox = serve(conversations=500, days=20)
    sandbox.behaviour.api_faults.extend(
        [
            None,
            Refusal(429),
            None,
            BrokenResponse("hangup", 500),
            None,
            None,
            Refusal(200, body="{["),
            *[None] * 43,
            Refusal(429),
        ]
    )
    run = run_tap(settings(sandbox), catalog=catalog(*ALL))
    checks.succeeded(run)
    assert not sandbox.behaviour.api_faults
    assert any("/knowledge/" in path for path, _, status in sandbox.answered if status == 429)
    wanted = rows(sandbox)
    until = expected.iso(NOON + 3 * HOUR)
    assert all(record["activityTimestamp"] < until for record in wanted["activity_logs"])
    for stream, records in wanted.items():
        assert records
        emitted(run, stream, records)
    for stream in expected.STREAMS:
        checks.emitted_exactly(run, stream, expected.records(sandbox.data, stream))
    pages = Counter(path for path, query, _ in sandbox.answered if "pageKey" in query)
    assert pages["/v1/endusers"] >= 1
    assert pages["/v1/templates"] == 1
    assert pages["/v1/knowledge/collections"] == 3  # for three streams
    times = [record["activityTimestamp"] for record in run.records("activity_logs")]
    assert times == sorted(times)
    assert run.bookmark("activity_logs") == times[-1]
    assert BY_CONVERSATION.keys().isdisjoint(m.get("stream") for m in run.messages)
    joins_hold(run)
    evidence("streams of the Dixa API compared field by field", len(wanted))


def joins_hold(run):
    """No orphans: whoever is named exists."""
    ids = {stream: {r.get("id") for r in run.records(stream)} for stream in ALL}
    for conversation in run.records("conversations"):
        assert conversation.get("assignee_id") in ids["agents"] | {None}
        assert conversation["requester_id"] in ids["end_users"]
        assert conversation["queue_id"] in ids["queues"]
        assert {tag["id"] for tag in conversation.get("tags_info") or []} <= ids["tags"]
        fields = conversation.get("custom_fields") or []
        assert {field["attribute_id"] for field in fields} <= ids["custom_attributes"]
    for message in run.records("messages"):
        assert message["csid"] in ids["conversations"]
    for entry in run.records("activity_logs"):
        assert entry["conversationId"] in ids["conversations"]
    for member in run.records("queue_members"):
        assert member["agentId"] in ids["agents"]
    assert {member["id"] for member in run.records("team_members")} <= ids["agents"]
    assert {queue["organizationId"] for queue in run.records("queues")} == ids["organization"]
    schedules = ids["business_hours_schedules"]
    assert ids["business_hours_definitions"] == schedules
    collections, categories = ids["knowledge_collections"], ids["knowledge_categories"]
    for row in run.records("knowledge_categories") + run.records("knowledge_articles"):
        assert row.get("parentCategory") in categories | {None}
        assert set() < set(row["parentCollections"]) <= collections


SMALL_PAGES = """
from tap_dixa.streams import activity_logs
activity_logs._PAGE_LIMIT = "1000"
from tap_dixa.__main__ import main
main()
"""


@pytest.mark.parametrize(
    ("conversations", "size", "program"),
    [
        (200, 1_000, {"program": ["-c", SMALL_PAGES]}),
        pytest.param(1400, 10_000, {}, marks=pytest.mark.slow),
    ],
    ids=["small pages", "Dixa's pages"],
)
def test_the_log_arrives_through_several_pages(serve, run_tap, conversations, size, program):
    sandbox = serve(conversations=conversations, days=20)
    run = run_tap(settings(sandbox), catalog=catalog("activity_logs"), **program)
    checks.succeeded(run)
    assert sum("pageKey" in query for _, query, _ in sandbox.answered) == 1
    path = "/v1/conversations/activitylog"
    wanted = Client(sandbox).everything(path, pageLimit=10_000)[::-1]
    records = run.records("activity_logs")
    assert len(wanted) > size
    assert {record["id"] for record in records} == {row["id"] for row in wanted}
    assert len(records) == len(wanted)
    times = [record["activityTimestamp"] for record in records]
    assert times == sorted(times)


@pytest.mark.parametrize(
    "order",
    [
        pytest.param("ascending", marks=pytest.mark.slow),
        pytest.param("descending", marks=pytest.mark.slow),
        "shuffled",
    ],
)
def test_the_log_is_emitted_in_order_whatever_order_dixa_has(serve, run_tap, order):
    sandbox = serve(conversations=140, days=6, activity_order=order, late=300_000)
    chosen = catalog("activity_logs")
    first = run_tap(settings(sandbox, window_days=2), catalog=chosen)
    checks.succeeded(first)
    emitted(first, "activity_logs", rows(sandbox)["activity_logs"])
    sandbox.data.now.now += HOUR
    second = run_tap(settings(sandbox, window_days=2), catalog=chosen, state=first.state)
    checks.succeeded(second)
    arrived = by_key("activity_logs", first.records("activity_logs"))
    known = by_key("activity_logs", rows(sandbox)["activity_logs"])
    arrived |= by_key("activity_logs", second.records("activity_logs"))
    assert arrived == known
    assert len(second.records("activity_logs")) < len(known) / 3


@pytest.mark.parametrize(
    ("conversations", "most"), [(150, 1), pytest.param(700, 4, marks=pytest.mark.slow)]
)
def test_a_killed_run_of_the_log_goes_on_where_it_stopped(
    serve, start_tap, conversations, most, evidence
):
    sandbox = serve(conversations=conversations, days=10)
    config, chosen = settings(sandbox, window_days=4), catalog("activity_logs", "agents")
    random = Random(1)
    runs = killed_and_resumed(
        partial(start_tap, config, catalog=chosen),
        most,
        lambda output: output.read(random.randrange(1000 * conversations)),
    )
    assert len(runs) == most + 1
    records = [record for run in runs for record in run.records("activity_logs")]
    arrived = by_key("activity_logs", records)
    assert arrived == by_key("activity_logs", rows(sandbox)["activity_logs"])
    assert len(records) <= 1.2 * len(arrived)
    evidence("kills survived", most)


def test_notes_and_ratings_come_with_their_conversations_changes(serve, run_tap, evidence):
    sandbox = serve(conversations=26, days=6, documented_forms=True)
    chosen = catalog(*BY_CONVERSATION)
    first = run_tap(settings(sandbox), catalog=chosen)
    checks.succeeded(first)
    newest = max(c["updated_at"] for c in expected.source(sandbox.data, "conversations").values())
    conversations = expected.records(sandbox.data, "conversations").keys()
    for stream in BY_CONVERSATION:
        records = first.records(stream)
        wanted = rows_by_conversation(sandbox, stream)
        assert by_key(stream, records) == wanted
        assert len(records) == len(wanted) > 0
        assert first.bookmark(stream) == expected.iso(newest)
        checks.fits_its_schema(first, stream)
        assert {record["csid"] for record in records} <= conversations
    numbers = {record["questionNumber"] for record in first.records("conversation_ratings")}
    assert numbers == {1, 2}  # surveys with two questions of one type
    sandbox.data.now.now += 3 * HOUR
    before = len(sandbox.answered)
    second = run_tap(settings(sandbox, end_date="2026-03-12"), catalog=chosen, state=first.state)
    checks.succeeded(second)
    assert len(sandbox.answered) - before < 40
    for stream in BY_CONVERSATION:
        arrived = by_key(stream, first.records(stream) + second.records(stream))
        assert arrived == rows_by_conversation(sandbox, stream)
    evidence("streams of the Dixa API compared field by field", len(BY_CONVERSATION))


@pytest.mark.parametrize(
    "stream",
    ["conversation_ratings", pytest.param("conversation_notes", marks=pytest.mark.slow)],
)
def test_notes_and_ratings_go_on_where_a_run_was_stopped(serve, run_tap, stream):
    sandbox = serve(conversations=40, days=6)
    chosen = catalog(stream)
    sandbox.behaviour.api_faults.extend([*[None] * 20, Refusal(200, body='{"data": [7]}')])
    failed = run_tap(settings(sandbox, window_days=1), catalog=chosen)
    assert failed.status == 1
    assert len(failed.errors) == 1
    asked = len(sandbox.answered)
    resumed = run_tap(settings(sandbox), catalog=chosen, state=failed.state)
    checks.succeeded(resumed)
    assert len(sandbox.answered) - asked < 40
    arrived = by_key(stream, failed.records(stream) + resumed.records(stream))
    assert arrived == rows_by_conversation(sandbox, stream)


OFTEN = """
from tap_dixa.__main__ import main
from tap_dixa.streams.changed_conversations import ChangedConversationsStream
ChangedConversationsStream.STATE_MSG_FREQUENCY = 4
main()
"""
"""Run the tap, with a STATE more often than every hundred conversations."""


def test_conversations_without_rows_are_in_the_state_too(serve, run_tap):
    sandbox = serve(conversations=12, days=6)
    sandbox.behaviour.api_faults.extend([Refusal(200, body='{"data": []}')] * 20)
    stream = "conversation_notes"
    run = run_tap(settings(sandbox), catalog=catalog(stream), program=["-c", OFTEN])
    checks.succeeded(run)
    assert run.records(stream) == []
    states = [message["value"]["bookmarks"][stream] for message in run.of("STATE")]
    assert len({state.get("replication_key_value") for state in states}) > 2


@pytest.mark.parametrize(
    "lists",
    [
        ("knowledge_articles",),
        pytest.param([*LISTS[-8:]], marks=pytest.mark.slow, id="all of the account's set-up"),
    ],
)
def test_a_killed_run_is_made_up_for(serve, start_tap, run_tap, lists, evidence):
    sandbox = serve(conversations=8, days=6)
    config = settings(sandbox, window_days=1, emit_activate_version_messages=True)
    chosen = catalog(*lists, "conversation_ratings")
    tap = start_tap(config, catalog=chosen, encoding=None)
    output = read_until(tap.stdout, b'"stream":"conversation_ratings","record"')
    tap.kill()
    killed = ended(tap, output)
    run = run_tap(config, state=latest_state(killed), catalog=chosen)
    checks.succeeded(run)
    for stream in lists:
        emitted(run, stream, rows(sandbox)[stream])
        assert len(run.of("ACTIVATE_VERSION", stream)) == 1
    stream = "conversation_ratings"
    arrived = by_key(stream, killed.records(stream) + run.records(stream))
    assert arrived == rows_by_conversation(sandbox, stream)
    evidence("kills survived")


def test_a_stream_that_the_token_may_not_read_is_skipped(serve, run_tap):
    rights = {"/v1/agents": 403, "/v1/queues": 401, "/v1/knowledge/collections/": 403}
    denied = ("agents", "queues", "queue_members", "knowledge_articles")
    granted = ("teams", "tags", "knowledge_collections", "business_hours_definitions")
    sandbox = serve(forbidden=rights)
    config = settings(sandbox, emit_activate_version_messages=True)
    run = run_tap(config, catalog=catalog(*expected.STREAMS, *denied, *granted))
    checks.succeeded(run)
    warnings = [line for line in run.log.splitlines() if "WARNING" in line]
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
    assert run.status == 1
    assert len(run.errors) == 1
    assert "Settings, Integrations, API Tokens" in run.errors[0]
    assert "WARNING" not in run.log
    assert run.records("conversations") == []


def test_an_export_that_the_token_may_not_read_is_skipped(serve, run_tap):
    sandbox = serve()
    sandbox.behaviour.faults.append(Refusal(403))
    run = run_tap(settings(sandbox))
    checks.succeeded(run)
    assert run.log.count("Skipping stream") == 1
    assert run.records("conversations") == []
    checks.emitted_exactly(run, "messages", expected.records(sandbox.data, "messages"))


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
    run = run_tap(config, catalog=catalog(*KEYS))
    checks.succeeded(run)
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
    assert run.status == 1
    assert len(run.errors) == 1
    assert said in run.errors[0]
    assert "Traceback" not in run.log


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
    run = run_tap(settings(sandbox), catalog=catalog("agents"))
    checks.succeeded(run)
    assert run.records("agents") == [{"id": "1", "createdAt": "2021-12-01T12:46:36.500Z"}]
    assert other.answered == []
    assert [query for _, query, _ in sandbox.answered] == [{}, {"pageKey": "x"}]


def test_a_right_that_ends_half_way_ends_the_run(serve, run_tap):
    for stream, before in (
        ("queue_members", 2),
        ("conversation_notes", 2),
        ("knowledge_articles", 6),
    ):
        sandbox = serve(conversations=40, days=6)
        sandbox.behaviour.api_faults.extend([*[None] * before, *[Refusal(403)] * 20])
        run = run_tap(settings(sandbox), catalog=catalog(stream))
        assert run.status == 1, stream
        assert len(run.errors) == 1
        assert "has no access to this" in run.errors[0]

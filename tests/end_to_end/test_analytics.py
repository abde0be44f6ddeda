"""Records of the Analytics API."""

from __future__ import annotations

import json
from collections import defaultdict
from random import Random

import pytest

from tests.conftest import (
    DAY,
    HOUR,
    NOON,
    SDK_PATH,
    Run,
    both_paths_slowly,
    catalog,
    settings,
)
from tests.end_to_end import checks
from tests.end_to_end.batches import batch_config, batched
from tests.end_to_end.loaded import held_at_states, is_whole
from tests.end_to_end.queried import ANALYTICS, bookmarks
from tests.end_to_end.queried_records import analytics_records, counted
from tests.expected import iso, rfc3339
from tests.faults import BrokenResponse, Refusal

STREAM = "analytics_records"


@both_paths_slowly
def test_every_row_field_by_field_through_pages_and_faults(serve, run_tap, options, evidence):
    sandbox = serve(conversations=400, days=20)
    faults = [None, Refusal(429), None, BrokenResponse("hangup", 500)]
    sandbox.behaviour.api_faults.extend(faults)
    run = checks.succeeded(run_tap(settings(sandbox, **options), catalog=catalog(STREAM)))
    assert not sandbox.behaviour.api_faults
    rows, records = analytics_records(sandbox), run.records(STREAM)
    assert counted(records) == rows
    assert max(rows.values()) > 1  # rows that are equal in everything
    assert len({record["id"] for record in records}) == len(records)
    checks.fits_its_schema(run, STREAM)
    times = defaultdict(list)
    for record in records:
        times[record["recordId"]].append(record["timestamp"])
    assert all(mine == sorted(mine) for mine in times.values())
    assert bookmarks(run.state, STREAM) == {kind: mine[-1] for kind, mine in times.items()}
    assert sum("pageKey" in query for _, query, _ in sandbox.answered) >= 2
    evidence("rows of the Analytics API compared field by field", len(records))


def test_they_agree_with_the_exports_and_join(serve, run_tap):
    sandbox = serve(conversations=80, days=10, late=600_000)
    streams = ("conversations", "agents", "queues", "analytics_record_types", "analytics_metrics")
    run = checks.succeeded(run_tap(settings(sandbox), catalog=catalog(*streams, STREAM)))
    records = run.records(STREAM)
    closed = [r["conversationId"] for r in records if r["recordId"] == "closed_conversations"]
    exported = [r["id"] for r in run.records("conversations") if r.get("closed_at")]
    assert sorted(closed) == sorted(exported)
    assert len(closed) > 40
    ids = {stream: {r["id"] for r in run.records(stream)} for stream in streams}
    for record in records:
        assert record["conversationId"] in ids["conversations"]
        assert record["agentId"] in ids["agents"] | {None}
        assert record["queueId"] in ids["queues"]
        assert record["recordId"] in ids["analytics_record_types"]
    for kind in run.records("analytics_record_types"):
        assert set(kind["relatedMetricIds"]) <= ids["analytics_metrics"]
    for stream in ("analytics_record_types", "analytics_metrics"):
        checks.fits_its_schema(run, stream)
        assert len(run.records(stream)) == 3


@both_paths_slowly
def test_every_state_is_safe_and_the_keys_stay(account_of, options):
    config = {"window_days": 7, **options}
    account = account_of(STREAM, config=config, conversations=100, days=20, late=HOUR)
    first = checks.succeeded(account.sync())
    *inner, last = held_at_states(first, {})
    account.wait()
    for state, held in (Random(1).choice(inner), last):
        run = checks.succeeded(account.sync(state=state))
        before = held.get(STREAM, {}).values()
        is_whole(account.sandbox, STREAM, [*before, *run.records(STREAM)])
    # The last one repeats the lookback alone, under the same keys.
    assert len(run.records(STREAM)) < len(first.records(STREAM)) / 5


@pytest.mark.slow
@pytest.mark.parametrize(
    "behaviour",
    [
        {"analytics_filters": True},
        {"beta_only": {"/v1/analytics"}, "analytics_page_keys": True},
    ],
    ids=lambda behaviour: next(iter(behaviour)),
)
def test_whatever_dixa_is_like_all_rows_arrive(account_of, behaviour):
    account = account_of(STREAM, conversations=360, days=20)
    rows = analytics_records(account.sandbox)
    for name, value in behaviour.items():
        setattr(account.behaviour, name, value)
    run = checks.succeeded(account.sync())
    assert counted(run.records(STREAM)) == rows
    if "analytics_filters" in behaviour:
        assert run.log.count("Dixa requires a filter: sending all values of initial_direction") == 3


@pytest.mark.slow
def test_what_dixa_adds_to_a_row_arrives(account_of):
    account = account_of(STREAM, conversations=40, days=6)
    row = {
        "primaryTimestampField": {"name": "rated_at", "timestamp": iso(NOON)},
        "fields": [{"name": "score", "field": {"value": 10**30, "_type": "LongField"}}],
        "brandNew": [1],
    }
    account.behaviour.api_faults.extend([None, Refusal(200, body=json.dumps({"data": [row]}))])
    run = checks.succeeded(account.sync(analytics_record_ids=["ratings"]))
    checks.fits_its_schema(run, STREAM)
    (record,) = run.records(STREAM)
    assert record["fields"] == {"score": {"value": str(10**30), "_type": "LongField"}}
    assert record["additional_properties"] == {"brandNew": [1]}
    assert record["timestamp"] == rfc3339(iso(NOON))


# The record types: each has its own bookmark, and may fail alone.


@pytest.mark.parametrize("failing", range(len(ANALYTICS)), ids=ANALYTICS)
@pytest.mark.parametrize(
    ("batch", "status", "options"),
    [
        (True, 405, {}),
        pytest.param(True, 403, SDK_PATH, marks=pytest.mark.slow),
        pytest.param(False, 405, {}, marks=pytest.mark.slow),
    ],
    ids=["BATCH", "BATCH, SDK path", "RECORD"],
)
def test_a_kind_that_fails_stops_no_other_and_is_read_by_the_next_run(
    account_of, tmp_path, failing, batch, status, options
):
    batches = {"batch_config": batch_config(tmp_path, batch_size=20)} if batch else {}
    emitted = batched if batch else Run.records
    account = account_of(STREAM, "tags", config=options | batches, conversations=60, days=6)
    # Tags, the catalogue, and the kinds before it.
    account.behaviour.api_faults.extend([None] * (2 + failing) + [Refusal(status)])
    first = account.sync()
    line, kind = checks.failed(first), ANALYTICS[failing]
    assert "1 of 2 streams failed, the others were synced: analytics_records: " in line
    assert f"these record types failed, the others were synced: {kind}: " in line
    assert emitted(first, "tags")
    rows = emitted(first, STREAM)
    assert {row["recordId"] for row in rows} == {*ANALYTICS} - {kind}
    assert batch == (len(first.of("BATCH", STREAM)) > 2)
    # The state has what was emitted: the next run adds the rest, and nothing is missing.
    assert bookmarks(first.state, STREAM)[kind] is None
    more = emitted(checks.succeeded(account.sync()), STREAM)
    is_whole(account.sandbox, STREAM, rows + more)
    assert len(more) < len({row["id"] for row in rows + more})


@pytest.mark.slow
def test_queries_that_the_token_may_not_send_skip_the_stream(account_of):
    account = account_of(STREAM, conversations=40, days=6)
    account.behaviour.api_faults.extend([None, *[Refusal(403)] * 3])
    run = checks.succeeded(account.sync())
    assert run.log.count("Skipping stream analytics_records") == 1


@pytest.mark.parametrize(
    "statuses", [(405, 405, 405), pytest.param((403, 405, 403), marks=pytest.mark.slow)]
)
def test_if_all_fail_the_line_names_all_and_no_others(account_of, statuses):
    account = account_of(STREAM, conversations=10, days=6)
    account.behaviour.api_faults.extend([None, *map(Refusal, statuses)])
    line = checks.failed(account.sync())
    assert "all record types failed: ratings: " in line
    assert all(f"{kind}: " in line for kind in ANALYTICS)


@pytest.mark.slow
def test_the_kinds_can_be_narrowed(account_of):
    account = account_of(STREAM, conversations=60, days=6)
    run = checks.succeeded(account.sync(analytics_record_ids=["ratings"]))
    assert {record["recordId"] for record in run.records(STREAM)} == {"ratings"}
    run = account.sync(analytics_record_ids=["ratings", "csat"])
    line = checks.failed(run)
    assert "csat: analytics_record_ids has an id that is not in Dixa's catalogue" in line
    assert "ratings, closed_conversations, first_response_time" in line
    assert run.records(STREAM)


@pytest.mark.slow
def test_a_kind_without_records_is_not_read_from_the_start_again(account_of):
    account = account_of(STREAM, config={"window_days": 20}, conversations=1, days=40)
    found = bookmarks(checks.succeeded(account.sync()).state, STREAM)
    assert all(iso(NOON + 3 * HOUR - DAY) <= bookmark for bookmark in found.values())
    checks.succeeded(account.sync())
    assert len(account.answered) == 1 + len(ANALYTICS)


@pytest.mark.slow
def test_a_bookmark_of_one_kind_that_cannot_be_used_is_refused(account_of):
    account = account_of(STREAM, conversations=40, days=6)
    part = {"context": {"recordId": "ratings"}, "replication_key": "timestamp"}
    for partitions, said in (
        ([{**part, "replication_key_value": "9000-01-01T00:00:00Z"}], "is in the future"),
        ([{**part, "replication_key_value": "soon"}], "is not a date-time"),
        ([part, part], "two partitions have the same recordId"),
        ({"ratings": part}, "cannot be used"),
    ):
        run = account.sync(state={"bookmarks": {STREAM: {"partitions": partitions}}})
        assert said in checks.failed(run)
    assert account.sandbox.answered == []
    checks.succeeded(account.sync(state={"bookmarks": {STREAM: {"partitions": {}}}}))

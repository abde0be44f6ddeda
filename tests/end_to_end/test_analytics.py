"""Records of the Analytics API."""

from __future__ import annotations

import json
from collections import defaultdict
from random import Random

import pytest

from tests.conftest import HOUR, NOON, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.loaded import held_at_states, is_whole
from tests.end_to_end.queried import bookmarks
from tests.end_to_end.queried_records import analytics_records, counted
from tests.expected import iso, rfc3339
from tests.faults import BrokenResponse, Refusal

STREAM = "analytics_records"
SDK_PATH = {"stream_maps": {STREAM: {"__filter__": "True"}}}
both_paths = pytest.mark.parametrize(
    "options",
    [{}, pytest.param(SDK_PATH, marks=pytest.mark.slow)],
    ids=["fast path", "SDK path"],
)


@both_paths
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
    sandbox = serve(conversations=200, days=20, late=600_000)
    streams = ("conversations", "agents", "queues", "analytics_record_types", "analytics_metrics")
    run = checks.succeeded(run_tap(settings(sandbox), catalog=catalog(*streams, STREAM)))
    records = run.records(STREAM)
    closed = [r["conversationId"] for r in records if r["recordId"] == "closed_conversations"]
    exported = [r["id"] for r in run.records("conversations") if r.get("closed_at")]
    assert sorted(closed) == sorted(exported)
    assert len(closed) > 100
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


@both_paths
def test_every_state_is_safe_and_the_keys_stay(serve, run_tap, options):
    sandbox = serve(conversations=100, days=20, late=HOUR)
    chosen = catalog(STREAM)
    config = settings(sandbox, window_days=7, **options)
    first = checks.succeeded(run_tap(config, catalog=chosen))
    *inner, last = held_at_states(first, {})
    sandbox.data.now.now += HOUR
    for state, held in (Random(1).choice(inner), last):
        run = checks.succeeded(run_tap(config, catalog=chosen, state=state))
        held_before = held.get(STREAM, {}).values()
        is_whole(sandbox, STREAM, [*held_before, *run.records(STREAM)])
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
def test_whatever_dixa_is_like_all_rows_arrive(serve, run_tap, behaviour):
    sandbox = serve(conversations=360, days=20)
    rows = analytics_records(sandbox)
    for name, value in behaviour.items():
        setattr(sandbox.behaviour, name, value)
    run = checks.succeeded(run_tap(settings(sandbox), catalog=catalog(STREAM)))
    assert counted(run.records(STREAM)) == rows
    if "analytics_filters" in behaviour:
        assert run.log.count("Dixa requires a filter: sending all values of initial_direction") == 3


@pytest.mark.slow
def test_what_dixa_adds_to_a_row_arrives(serve, run_tap):
    sandbox = serve(conversations=40, days=6)
    row = {
        "primaryTimestampField": {"name": "rated_at", "timestamp": iso(NOON)},
        "fields": [{"name": "score", "field": {"value": 10**30, "_type": "LongField"}}],
        "brandNew": [1],
    }
    rows = [row, {**row, "id": "of-dixa"}, {**row, "id": "another"}]
    body = json.dumps({"data": rows})
    sandbox.behaviour.api_faults.extend([None, Refusal(200, body=body)])
    config = settings(sandbox, analytics_record_ids=["ratings"])
    run = checks.succeeded(run_tap(config, catalog=catalog(STREAM)))
    checks.fits_its_schema(run, STREAM)
    records = run.records(STREAM)
    assert len({record["id"] for record in records}) == len(records) == 3
    score = {"value": str(10**30), "_type": "LongField"}
    # A name that the tap has given to a column: nothing is lost, as the row is kept whole.
    *whole, documented = records
    assert [record["fields"]["id"] for record in whole] == ["of-dixa", "another"]
    assert documented["fields"] == {"score": score}
    assert documented["additional_properties"] == {"brandNew": [1]}
    assert {record["timestamp"] for record in records} == {rfc3339(iso(NOON))}
    assert run.log.count("sent a row that is not as documented") == 1

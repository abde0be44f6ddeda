"""Records of the Intelligence API, in whatever shape it has."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import get_args

import pytest

from tap_dixa.sandbox import presence
from tap_dixa.sandbox.faults import BrokenResponse, Refusal
from tap_dixa.sandbox.intelligence import Shape
from tests.conftest import DAY, HOUR, NOON, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.queried import INTELLIGENCE, bookmarks
from tests.end_to_end.queried_records import counted, intelligence_records
from tests.expected import iso, milliseconds, rfc3339

STREAM = "intelligence_records"
SDK_PATH = {"stream_maps": {STREAM: {"__filter__": "True"}}}


@pytest.mark.slow
@pytest.mark.parametrize("shape", get_args(Shape))
def test_every_row_field_by_field_in_any_shape(serve, run_tap, shape, evidence):
    sandbox = serve(conversations=60, days=6, intelligence_rows=shape)
    # Agents, the catalogue once for each stream, and the first kind.
    faults = [None, None, None, Refusal(429), BrokenResponse("hangup", 500)]
    sandbox.behaviour.api_faults.extend(faults)
    options = SDK_PATH if shape == "cells" else {}
    chosen = catalog(STREAM, "intelligence_record_types", "agents")
    run = checks.succeeded(run_tap(settings(sandbox, **options), catalog=chosen))
    assert not sandbox.behaviour.api_faults
    records = run.records(STREAM)
    assert counted(records) == intelligence_records(sandbox)
    assert len({record["id"] for record in records}) == len(records)
    checks.fits_its_schema(run, STREAM)
    checks.fits_its_schema(run, "intelligence_record_types")
    kinds = {r["id"]: r["category"] for r in run.records("intelligence_record_types")}
    assert kinds == INTELLIGENCE
    agents = {record["id"] for record in run.records("agents")}
    assert {r["agentId"] for r in records if r["category"] == "agents"} <= agents
    evidence("rows of the Intelligence API compared field by field", len(records))


def test_every_row_arrives_in_order_through_pages(serve, run_tap):
    sandbox = serve(conversations=60, days=4)
    run = run_tap(settings(sandbox, page_size=100, window_days=3), catalog=catalog(STREAM))
    checks.succeeded(run)
    assert counted(run.records(STREAM)) == intelligence_records(sandbox)
    bodies = [json.loads(query["body"]) for _, query, _ in sandbox.answered if "body" in query]
    assert sum("pageKey" in body["pagination"] for body in bodies) > 1
    assert {body["timezone"] for body in bodies} == {"UTC"}
    times = defaultdict(list)
    for record in run.records(STREAM):
        times[record["recordId"]].append(record["timestamp"])
    assert all(mine == sorted(mine) for mine in times.values())
    found = bookmarks(run.state, STREAM)
    assert all(found[kind] >= mine[-1] for kind, mine in times.items())


def whole(sandbox, oldest):
    """Give each interval of presence that began by now: when, who, and until when."""
    now = sandbox.data.now()
    return {
        (iso(one.start), one.agent.id): iso(one.end) if one.end <= now else None
        for one in presence.intervals(sandbox.data.desk, oldest, now)
        if one.start >= oldest
    }


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "days"), [("start", 3), ("ended", 3), ("overlap", 0)])
def test_presence_is_complete_once_it_has_ended(serve, run_tap, kind, days):
    # After midnight: one interval has begun on the day before, and another one since.
    now = NOON + 12 * HOUR + HOUR // 4
    sandbox = serve(conversations=10, days=8, presence=kind, now=now)
    only = {"intelligence_record_ids": ["agentPresenceDuration"], "window_days": 3}
    only["intelligence_lookback_days"] = days
    first = run_tap(settings(sandbox, **only, end_date=iso(now)), catalog=catalog(STREAM))
    checks.succeeded(first)
    if kind != "ended":
        assert bookmarks(first.state, STREAM)["agentPresenceDuration"][:10] == iso(now)[:10]
    still_open = sum(end is None for end in whole(sandbox, sandbox.data.start).values())
    assert still_open > 1
    sandbox.data.now.now += 24 * HOUR
    config = settings(sandbox, **only, end_date=iso(now + 24 * HOUR))
    second = checks.succeeded(run_tap(config, catalog=catalog(STREAM), state=first.state))
    latest = checks.loaded(STREAM, first, second)
    found = {
        (r["timestamp"], r["agentId"]): rfc3339(r["fields"]["endedAt"]["value"])
        if "endedAt" in r["fields"]
        else None
        for r in latest.values()
    }
    known = whole(sandbox, sandbox.data.start)
    if kind == "ended":
        known = {key: end for key, end in known.items() if end is not None}
    inside = {key: end for key, end in found.items() if key[0] >= iso(sandbox.data.start)}
    assert inside == known
    assert len(found) == len(latest)  # under one key each
    repeated = [r["timestamp"] for r in second.records(STREAM)]
    assert min(repeated) >= iso(NOON - 5 * DAY)


@pytest.mark.slow
def test_of_intervals_that_are_cut_every_part_arrives(serve, run_tap):
    sandbox = serve(conversations=10, days=8, presence="cut")
    only = {"intelligence_record_ids": ["agentPresenceDuration"], "window_days": 3}
    run = checks.succeeded(run_tap(settings(sandbox, **only), catalog=catalog(STREAM)))
    lasted = sum(record["fields"]["duration"]["value"] for record in run.records(STREAM))
    start, now = sandbox.data.start, sandbox.data.now()
    assert lasted == sum(
        min(one.end, now) - max(one.start, start)
        for one in presence.intervals(sandbox.data.desk, start, now)
    )


@pytest.mark.slow
def test_an_account_without_the_api_loses_these_streams_alone(serve, run_tap):
    streams = (STREAM, "intelligence_record_types", "tags")
    sandbox = serve(conversations=10, days=3, missing={"/beta/intelligence"})
    run = checks.succeeded(run_tap(settings(sandbox), catalog=catalog(*streams)))
    assert run.log.count("Skipping stream intelligence_") == 2
    assert run.log.count("the account lacks this feature") == 2
    assert run.records("tags")
    assert len(sandbox.answered) == 3  # there is no other version to look in
    sandbox.behaviour.missing.clear()
    sandbox.behaviour.forbidden["/beta/intelligence"] = 403
    run = checks.succeeded(run_tap(settings(sandbox), catalog=catalog(*streams)))
    assert run.log.count("Skipping stream intelligence_") == 2
    assert run.records("tags")


@pytest.mark.slow
def test_the_last_days_are_read_again(serve, run_tap):
    sandbox = serve(conversations=10, days=12)
    state = {
        "partitions": [
            {
                "context": {"recordId": kind},
                "replication_key": "timestamp",
                "replication_key_value": iso(NOON),
            }
            for kind in INTELLIGENCE
        ]
    }
    config = settings(sandbox, intelligence_lookback_days=5)
    run = run_tap(config, catalog=catalog(STREAM), state={"bookmarks": {STREAM: state}})
    checks.succeeded(run)
    bodies = [json.loads(query["body"]) for _, query, _ in sandbox.answered if "body" in query]
    starts = {body["primaryFilter"]["period"]["interval"]["from"] for body in bodies}
    assert starts == {iso(NOON // DAY * DAY - 5 * DAY)}
    assert milliseconds(min(r["timestamp"] for r in run.records(STREAM))) >= NOON - 6 * DAY

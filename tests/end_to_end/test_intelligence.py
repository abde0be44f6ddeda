"""Records of the Intelligence API, whatever its rows are."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import pairwise

import pytest

from tests.conftest import DAY, HOUR, NOON, both_paths_slowly, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.queried import INTELLIGENCE, bookmarks, intelligence, text
from tests.end_to_end.queried_records import counted, intelligence_records
from tests.expected import iso, rfc3339
from tests.faults import BrokenResponse, Refusal

STREAM = "intelligence_records"


@both_paths_slowly
def test_every_row_field_by_field_through_pages_and_faults(serve, run_tap, options, evidence):
    sandbox = serve(conversations=60, days=4)
    # Agents, the catalogue once for each stream, and the first kind.
    faults = [None, None, None, Refusal(429), BrokenResponse("hangup", 500)]
    sandbox.behaviour.api_faults.extend(faults)
    config = settings(sandbox, page_size=100, window_days=3, **options)
    chosen = catalog(STREAM, "intelligence_record_types", "agents")
    run = checks.succeeded(run_tap(config, catalog=chosen))
    assert not sandbox.behaviour.api_faults
    records = run.records(STREAM)
    assert counted(records, "timestamp") == intelligence_records(sandbox)
    assert len({record["id"] for record in records}) == len(records)
    checks.fits_its_schema(run, STREAM)
    checks.fits_its_schema(run, "intelligence_record_types")
    kinds = {r["id"]: r["category"] for r in run.records("intelligence_record_types")}
    assert kinds == INTELLIGENCE
    agents = {record["id"] for record in run.records("agents")}
    assert {r["agentId"] for r in records if r["category"] == "agents"} <= agents
    bodies = [json.loads(query["body"]) for _, query, _ in sandbox.answered if "body" in query]
    assert sum("pageKey" in body["pagination"] for body in bodies) > 1
    assert {body["timezone"] for body in bodies} == {"UTC"}
    # The timestamp is the start of the window that Dixa had the row in, give or take a second.
    starts = [sandbox.data.start, sandbox.data.start + 3 * DAY, NOON + 3 * HOUR]
    periods = [body["primaryFilter"]["period"]["interval"] for body in bodies]
    margins = [(iso(a - 1000), iso(b + 1000)) for a, b in pairwise(starts)]
    assert {(period["from"], period["to"]) for period in periods} == set(margins)
    ends = {rfc3339(iso(a)): rfc3339(iso(b + 1000)) for a, b in pairwise(starts)}
    times = defaultdict(list)
    for record in records:
        times[record["recordId"]].append(record["timestamp"])
        if record["recordId"] == "agentPresenceDuration":
            began = rfc3339(record["fields"]["startedAt"]["value"])
            assert record["timestamp"] <= began <= ends[record["timestamp"]]
    assert all(mine == sorted(mine) for mine in times.values())
    found = bookmarks(run.state, STREAM)
    assert all(bookmark >= iso(NOON + 3 * HOUR - DAY) for bookmark in found.values())
    evidence("rows of the Intelligence API compared field by field", len(records))


@pytest.mark.slow
def test_an_interval_that_had_not_ended_arrives_again_when_it_has(account_of):
    # After midnight: one interval has begun on the day before, and another one since.
    now = NOON + 12 * HOUR + HOUR // 4
    only = {"intelligence_record_ids": ["agentPresenceDuration"], "window_days": 3}
    account = account_of(STREAM, config=only, conversations=10, days=8, now=now)
    first = checks.succeeded(account.sync(end_date=iso(now)))
    account.wait(DAY)
    second = checks.succeeded(account.sync(end_date=iso(now + DAY)))
    loaded = checks.loaded(STREAM, first, second).values()
    # What was read before it had ended stays, as a row of its own.
    ended = [text(r["fields"]) for r in loaded if "endedAt" in r["fields"]]
    whole = [
        text(r) for r in intelligence(account.sandbox, "agentPresenceDuration") if "endedAt" in r
    ]
    assert sorted(ended) == sorted(whole)
    unfinished = {
        (r["agentId"], r["fields"]["startedAt"]["value"])
        for r in first.records(STREAM)
        if "endedAt" not in r["fields"]
    }
    assert len(unfinished) > 1
    again = {(r["agentId"], r["fields"]["startedAt"]["value"]) for r in second.records(STREAM)}
    assert unfinished <= again


@pytest.mark.slow
def test_the_last_days_are_read_again(account_of):
    account = account_of(STREAM, conversations=10, days=12)
    bookmark = {"replication_key": "timestamp", "replication_key_value": iso(NOON)}
    partitions = [{"context": {"recordId": kind}, **bookmark} for kind in INTELLIGENCE]
    state = {"bookmarks": {STREAM: {"partitions": partitions}}}
    run = checks.succeeded(account.sync(state=state, intelligence_lookback_days=5))
    bodies = [json.loads(query["body"]) for _, query, _ in account.answered if "body" in query]
    starts = {body["primaryFilter"]["period"]["interval"]["from"] for body in bodies}
    assert starts == {iso(NOON - 5 * DAY - 1000)}
    assert {r["timestamp"] for r in run.records(STREAM)} == {rfc3339(iso(NOON - 5 * DAY))}


@pytest.mark.parametrize(
    "shape",
    [
        lambda row: {name: {"value": value, "label": value} for name, value in row.items()},
        lambda row: row,
        lambda row: [{"name": name, "value": value} for name, value in row.items()],
        lambda row: {"columns": [[name, value] for name, value in row.items()]},
    ],
    ids=["cells", "plain", "list", "unheard of"],
)
def test_a_row_has_the_same_key_whatever_the_window(account_of, shape):
    config = {"intelligence_record_ids": ["responseTime"], "end_date": iso(NOON)}
    account = account_of(STREAM, config=config, conversations=1, days=20)
    times = [(iso(NOON - 5 * DAY), iso(NOON - hour * HOUR)) for hour in (1, 2, 3)]
    rows = [{"assignedAt": begun, "ratedAt": rated, "score": 3} for begun, rated in times]
    body = json.dumps({"data": [shape(row) for row in [*rows, rows[0], rows[0]]]})
    keys = []
    for days in (31, 1, 4):
        account.behaviour.api_faults.extend([None, *[Refusal(200, body=body)] * 20])
        run = checks.succeeded(account.sync(window_days=days))
        account.behaviour.api_faults.clear()
        checks.fits_its_schema(run, STREAM)
        keys.append({record["id"] for record in run.records(STREAM)})
        assert len(run.records(STREAM)) == 5  # once a run, though each of its windows has them
    assert len(keys[0]) == 5
    assert keys[1:] == keys[:1] * 2

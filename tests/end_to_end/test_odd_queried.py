"""Rows and catalogues of Analytics and Intelligence that are not as documented."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from tap_dixa_sandbox import analytics, intelligence
from tests.conftest import NOON
from tests.end_to_end import checks
from tests.expected import iso
from tests.faults import Refusal

AGENT = "e756afa3-77cb-424c-8210-edc93a8926bc"
ANALYTICS_ROW = {
    "primaryTimestampField": {"name": "rated_at", "timestamp": iso(NOON)},
    "value": {"value": 4, "_type": "LongField"},
    "fields": [
        {"name": "csid", "field": {"value": 7, "_type": "LongField"}},
        {"name": "agent_id", "field": {"value": AGENT, "label": "Zoë", "_type": "UUIDField"}},
        {"name": "tags", "field": {"values": [{"value": "a"}], "_type": "ListField"}},
    ],
}
INTELLIGENCE_ROW = {
    "conversationId": {"value": 7},
    "agent": {"value": AGENT, "label": "Zoë"},
    "closedAt": {"value": iso(NOON)},
}
STREAMS = {
    "analytics_records": (analytics.record_types(), ANALYTICS_ROW),
    "intelligence_records": (intelligence.record_types(), INTELLIGENCE_ROW),
}
DEEP = {"<array>": "[" * 100 + "]" * 100, "<object>": '{"a":' * 100 + "1" + "}" * 100}
TOO_DEEP = {"<too deep>": "[" * 10_000 + "]" * 10_000}
ODD: list[Any] = [
    *(None, True, 5, -1, 10**30, 1.5, float("inf"), "", "text", "\ud800", "a/../b?c#d", "..", "\0"),
    *([], {}, [None], [[]], [{}], {"a": {}}, {"": ""}, {"value": {"id": 1}}),
    *({"id": 1, "cursor": 2}, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    *("2026-03-11", "2026-W11-3", NOON, *DEEP),
]
ADDED = ("id", "recordId", "timestamp", "cursor", "identity", "record", "new", "fields", "category")


def changed(value: Any, random: Random) -> Any:
    """Give a value with something odd in it."""
    if not value or not isinstance(value, dict | list) or random.random() < 0.15:
        return random.choice(ODD)
    copy = value.copy()
    place = random.choice([*copy] if isinstance(copy, dict) else range(len(copy)))
    match random.randrange(8):
        case 0:
            del copy[place]
        case 1 if isinstance(copy, list):
            copy.append(copy[place])
        case 1:
            copy[random.choice(ADDED)] = random.choice(ODD)
        case _:
            copy[place] = changed(copy[place], random)
    return copy


def text(value: Any) -> str:
    written = json.dumps(value).replace("Infinity", "1e400")
    for name, nested in {**DEEP, **TOO_DEEP}.items():
        written = written.replace(f'"{name}"', nested)
    return written


def page(rows: Any) -> Refusal:
    return Refusal(200, body=text({"data": rows}))


@pytest.fixture
def sync(account_of):
    """Give a function that syncs a stream whose requests get these rows; and the account."""

    def run(stream, *responses):
        account = account_of(stream, conversations=1, days=3)
        account.behaviour.api_faults.extend(
            response if isinstance(response, Refusal) else page(response) for response in responses
        )
        return account.sync(), account

    return run


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 20))]
)
def test_whatever_a_row_is_it_arrives_and_so_do_the_others(sync, stream, seed, evidence):
    kinds, row = STREAMS[stream]
    random = Random(seed)
    rows = [[row, *(changed(row, random) for _ in range(10)), row] for _ in kinds]
    run, _ = sync(stream, kinds, *rows)
    records = checks.succeeded(run).records(stream)
    checks.fits_its_schema(run, stream)
    assert len({record["id"] for record in records}) == len(records) == 12 * len(kinds)
    assert sum(record["conversationId"] == 7 for record in records) >= 2 * len(kinds)
    times = [(record["recordId"], record["timestamp"]) for record in records]
    order = [kind["id"] for kind in kinds]
    assert times == sorted(times, key=lambda pair: (order.index(pair[0]), pair[1]))
    evidence("odd rows of Analytics and Intelligence", 10 * len(kinds))


@pytest.mark.parametrize("stream", STREAMS)
def test_a_row_that_is_nested_too_deeply_fails_its_record_type_alone(sync, stream):
    kinds, row = STREAMS[stream]
    run, _ = sync(stream, kinds, [row, {**row, "x": "<too deep>"}], *[[row] for _ in kinds[1:]])
    if run.status == 0:  # how deep is too deep depends on the version of Python
        assert run.output.count('"type":"RECORD"') == len(kinds) + 1
        return
    assert "nested too deeply" in checks.failed(run)
    assert [record["recordId"] for record in run.records(stream)] == [k["id"] for k in kinds[1:]]


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(
    "seed", [1, 2, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 30))]
)
def test_whatever_a_catalogue_is_there_is_at_most_one_line(sync, stream, seed, evidence):
    kinds, row = STREAMS[stream]
    odd = changed([*kinds, kinds[0]], Random(seed))
    while not isinstance(odd, list):
        odd = changed(kinds, Random(seed := seed + 100))
    run, _ = sync(stream, odd, *[[row]] * 5)
    if run.status:
        assert stream in checks.failed(run)
    else:
        checks.succeeded(run)
    assert "unexpected" not in run.log
    checks.fits_its_schema(run, stream)
    evidence("odd catalogues of Analytics and Intelligence")


@pytest.mark.parametrize(
    ("stream", "entry", "said"),
    [
        ("analytics_records", {"id": ""}, "whose id cannot be used"),
        ("analytics_records", None, "whose id cannot be used"),
        ("intelligence_records", {"id": "x"}, "no category"),
        ("intelligence_records", {"id": "x", "category": ["agents"]}, "no category"),
    ],
)
def test_an_entry_of_a_catalogue_that_cannot_be_used_is_said(sync, stream, entry, said):
    kinds, row = STREAMS[stream]
    last = kinds[-1:] if "category" in said else []
    run, _ = sync(stream, [entry, entry, *last], [row])
    assert said in checks.failed(run)
    assert [record["recordId"] for record in run.records(stream)] == [k["id"] for k in last]


@pytest.mark.parametrize(
    ("filters", "values", "sent"),
    [
        ([None, {"filterAttribute": {}}, {"filterAttribute": "channel"}], ["x", "", 5], ["x"]),
        ([{"filterAttribute": "channel"}], ["", None, {}], None),
        ("channel", None, None),
    ],
)
def test_filters_may_be_anything(sync, filters, values, sent):
    found = [] if values is None else [[None, 5, [], *({"value": value} for value in values)]]
    kinds = [{"id": "ratings", "filters": filters}]
    run, account = sync("analytics_records", kinds, Refusal(400), *found)
    checks.succeeded(run)
    # Without a filter that helps, less is requested.
    body = json.loads(account.answered[-1][1]["body"])
    assert body.get("filters") == (sent and [{"attribute": "channel", "values": sent}])

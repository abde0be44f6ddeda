"""Odd values in records: of numbers, times, ids, names and nesting, none is an unexpected error."""

from __future__ import annotations

import json
from itertools import product

import pytest

from tap_dixa.streams.base import SCHEMAS
from tests.conftest import DAY, NOON, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.odd_rows import page
from tests.end_to_end.slowly import both_selections
from tests.faults import Odd

AT = NOON - 3 * DAY
UUID = "00000000-0000-4000-8000-{:012}"
KEYS = {
    "conversations": ("id", "updated_at"),
    "messages": ("id", "created_at"),
    "agents": ("id",),
    "queue_members": ("agentId", "queueId"),
    "activity_logs": ("id", "activityTimestamp"),
    "conversation_notes": ("id", "csid"),
}
ODD = {
    "5,000 digits": "1" * 5_000,
    "4,300 digits": "1" * 4_300,
    "65 bits": str(1 << 64),
    "no float": "1e999",
    "a float of 0": "-1e-999",
    "a long fraction": f"0.{'3' * 5_000}",
    "minus zero": "-0.0",
    "as good as an integer": "7.0",
    "the year 0": '"0000-01-01T00:00:00Z"',
    "the year 1, further east": '"0001-01-01T00:00:00+14:00"',
    "the year 10000": '"10000-01-01T00:00:00Z"',
    "the year 9999, further west": '"9999-12-31T23:59:59-14:00"',
    "24:00": '"2025-12-31T24:00:00Z"',
    "24:00 at the end of times": '"9999-12-31T24:00:00Z"',
    "a second too many": '"2025-12-31T23:59:60Z"',
    "a zone of days": '"2025-12-31T00:00:00+99:99"',
    "digits of another script": '"\\u0662\\u0660\\u0662\\u0665-\\u0660\\u0661-\\u0660\\u0661"',
    "ms before the year 1": "-62135596800001",
    "ms after the year 9999": "253402300800000",
    "half a character": '"\\ud83d"',
    "a text that is NaN": '"NaN"',
    "an empty text": '""',
    "a long text": json.dumps("ä" * 10_000),
    "an object of odd names": '{"": 1, ".": 2, "\\udc00": 3, "a.b": {"": {}}, "\\"": [[]]}',
    "a long name": json.dumps({"n" * 100_000: [{}]}),
    "many names": json.dumps({f"{number}.{number}": number for number in range(200)}),
    "an array of everything": '[null, true, 1e999, "", {}, [], 1]',
    "nested 450 deep": "[" * 450 + "]" * 450,
}
TOO_DEEP = {
    f"{spelled} nested {levels:,} deep": before * levels + "0" + after * levels
    for levels in (600, 940, 1_000, 5_000, 50_000)
    for spelled, before, after in (("arrays", "[", "]"), ("objects", '{"a":', "}"))
}


def row(stream, number, fields):
    """Spell a row of a stream, from the texts of its fields."""
    keys = {
        "id": number if stream == "conversations" else UUID.format(number),
        "updated_at": AT,
        "created_at": AT,
        "activityTimestamp": checks.expected.iso(AT),
        "agentId": str(number),
        "queueId": "1",
        "csid": number,
    }
    texts = {name: json.dumps(keys[name]) for name in KEYS[stream]} | fields
    fields = ", ".join(f"{json.dumps(name)}: {text}" for name, text in texts.items())
    return f"{{{fields}}}"


def serve_rows(sandbox, stream, rows):
    """Send these rows in the next answer."""
    text = ", ".join(rows)
    if stream in {"conversations", "messages"}:
        sandbox.behaviour.faults.append(Odd(text))
        return
    before = [None] if stream == "queue_members" else []
    sandbox.behaviour.api_faults.extend([*before, page(text)])


@pytest.mark.parametrize("stream", KEYS)
@both_selections
def test_odd_values_arrive_whatever_field_they_are_in(serve, run_tap, stream, select):
    sandbox = serve(conversations=5, days=5)
    names = [name for name in SCHEMAS.get_schema(stream)["properties"] if name not in KEYS[stream]]
    rows = [
        row(stream, number, dict.fromkeys([*names, "new", f"new {number}"], text))
        for number, text in enumerate(ODD.values(), 1000)
    ]
    serve_rows(sandbox, stream, rows)
    config = settings(sandbox, parallel_downloads=1)
    run = checks.succeeded(run_tap(config, catalog=select(stream)))
    key = KEYS[stream][0]
    found = {str(record[key])[-4:] for record in run.records(stream)}
    assert found >= {str(number) for number in range(1000, 1000 + len(ODD))}
    checks.fits_its_schema(run, stream)
    assert max(map(len, run.log.splitlines())) < 1_000


QUICK = (
    ("conversations", "65 bits"),
    ("conversations", "4,300 digits"),
    ("messages", "objects nested 50,000 deep"),
    ("messages", "arrays nested 600 deep"),
    ("agents", "arrays nested 940 deep"),
    ("agents", "an array of everything"),
    ("queue_members", "objects nested 600 deep"),
    ("activity_logs", "a long text"),
    ("activity_logs", "24:00 at the end of times"),
    ("conversation_notes", "arrays nested 600 deep"),
)


@pytest.mark.parametrize(
    ("stream", "odd"),
    [
        pytest.param(*case, marks=() if case in QUICK else pytest.mark.slow)
        for case in product(KEYS, [*ODD, *TOO_DEEP])
    ],
)
def test_an_odd_key_or_too_deep_a_value_fails_its_stream_at_most(serve, run_tap, stream, odd):
    text = {**ODD, **TOO_DEEP}[odd]
    for field in (*KEYS[stream], "new"):
        sandbox = serve(conversations=3, days=5)
        serve_rows(sandbox, stream, [row(stream, 1000, {field: text})])
        run = run_tap(settings(sandbox, parallel_downloads=1), catalog=catalog(stream))
        assert run.status in {0, 1}, run.log
        assert len(run.errors) == run.status
        for line in run.errors:
            assert f"{stream}" in line, line
            assert "unexpected" not in line, line
            assert len(line) < 1_000
        checks.fits_its_schema(run, stream)

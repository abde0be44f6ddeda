"""Odd values in keys, and odd names and nesting: none is an unexpected error.

Any value in any other field is tried in `test_schema_conformance.py`.
"""

import json
from itertools import product

import pytest

from tests import expected
from tests.conftest import DAY, NOON
from tests.end_to_end import checks
from tests.end_to_end.odd_rows import UUID, page
from tests.faults import Odd

AT = NOON - 3 * DAY
KEYS = {
    "conversations": {"id": 1000, "updated_at": AT},
    "messages": {"id": UUID, "created_at": AT},
    "agents": {"id": UUID},
    "queue_members": {"agentId": UUID, "queueId": "1"},
    "activity_logs": {"id": UUID, "activityTimestamp": expected.iso(AT)},
    "conversation_notes": {"id": UUID, "csid": 7},
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
THOROUGHLY = ("conversations", "agents", "activity_logs")
"""Streams of each kind of key and of response."""
ARRAYS, OBJECTS = ("[", "]"), ('{"a":', "}")


def nested(levels, of):
    before, after = of
    return before * levels + "0" + after * levels


@pytest.fixture
def serving(account_of):
    """Give a function that makes an account whose next response of a stream has rows."""

    def serve(stream, *rows):
        texts = [
            {name: json.dumps(key) for name, key in KEYS[stream].items()} | row for row in rows
        ]
        body = ", ".join(
            "{" + ", ".join(f"{json.dumps(name)}: {text}" for name, text in row.items()) + "}"
            for row in texts
        )
        faults = {"api_faults": [None] * (stream == "queue_members") + [page(body)]}
        if stream in expected.STREAMS:
            faults = {"faults": [Odd(body)]}
        config = {"parallel_downloads": 1}
        return account_of(stream, config=config, conversations=5, days=5, **faults)

    return serve


slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("stream", "texts"),
    [
        ("conversations", {"65 bits": ODD["65 bits"], "4,300 digits": ODD["4,300 digits"]}),
        ("messages", {"objects": nested(50_000, OBJECTS)}),
        ("agents", {"arrays": nested(940, ARRAYS), "any": ODD["an array of everything"]}),
        ("queue_members", {"objects": nested(600, OBJECTS)}),
        ("activity_logs", {"24:00": ODD["24:00 at the end of times"]}),
        ("conversation_notes", {"arrays": nested(600, ARRAYS)}),
        *(pytest.param(stream, ODD, marks=slow) for stream in THOROUGHLY),
        *(
            pytest.param(stream, {n: nested(n, of) for n in (940, 5_000)}, marks=slow)
            for stream in THOROUGHLY
            for of in (ARRAYS, OBJECTS)
        ),
    ],
)
def test_an_odd_key_or_too_deep_a_value_fails_its_stream_at_most(serving, stream, texts):
    for text, field in product(texts.values(), (*KEYS[stream], "new")):
        run = serving(stream, {field: text}).sync()
        assert run.status in {0, 1}, run.log
        assert len(run.errors) == run.status
        for line in run.errors:
            assert stream in line
            assert "unexpected" not in line
            assert len(line) < 1_000
        checks.fits_its_schema(run, stream)

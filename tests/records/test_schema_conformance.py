"""Whatever Dixa sends in a field, the record that leaves satisfies the schema."""

import json
from copy import deepcopy
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from tap_dixa.records.json_numbers import decode
from tap_dixa.streams.base import SCHEMAS
from tap_dixa_sandbox import analytics, intelligence
from tests import expected
from tests.conftest import made
from tests.end_to_end import everything
from tests.end_to_end.checks import DATE_TIME
from tests.records.normalizers import compiled, plain

RECORD = {
    "id": "c0e3a4b2-0000-4000-8000-000000000000",
    "recordId": "ratings",
    "timestamp": "2026-03-01T00:00:00.000Z",
    "timestampField": "rated_at",
    "conversationId": 7,
    "agentId": "a",
    "queueId": "b",
    "fields": {"csid": {"value": 7}},
}
HUGE = ("1e400", "-1E+999", "9223372036854775808", "-9223372036854775809", "1" + "0" * 5000)
OUTSIDE = (-62135596800001, 253402300800000)
"""The milliseconds before the year 1 and after the year 9999."""
MARK = "huge:"
FORMATS = FormatChecker()
FORMATS.checks("date-time")(lambda value: value is None or DATE_TIME.fullmatch(value) is not None)

texts = st.text(max_size=3) | st.sampled_from(
    ["", "5", "-7", "007", "1000.0", "true", "20260105", "1767571200000", "2026-01-05T10:00:00Z"]
    + ["2026-01-05T10:00:00.5Z[GMT]", "12026-01-05T10:00:00Z", "202601051000"]
    + ["0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
    + ["9999-12-31T24:00:00Z", "2025-12-31T23:59:60Z", "2025-12-31T00:00:00+99:99"]
    + [f"{MARK}{number}" for number in HUGE]
)
numbers = st.sampled_from(
    [0, -1, 5, 1.5, -0.0, 7.0, 1e300, 1767571200000, 1767571200000000, 1 << 62, *OUTSIDE]
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "value", "rating_score", "new"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def samples():
    with made(conversations=40, days=6) as sandbox:
        found = everything.rows(sandbox)
        for stream in expected.STREAMS:
            found[stream] = list(expected.source(sandbox.data, stream).values())
        for stream in everything.BY_CONVERSATION:
            found[stream] = list(everything.rows_by_conversation(sandbox, stream).values())
    found |= {
        "analytics_records": [RECORD],
        "analytics_record_types": analytics.record_types(),
        "analytics_metrics": analytics.metrics(),
        "intelligence_records": [{**RECORD, "category": "agents"}],
        "intelligence_record_types": intelligence.record_types(),
    }
    return found.__getitem__


def spelled(record):
    """Write a record as JSON, with numbers that Python has no value for."""
    text = json.dumps(record)
    for number in HUGE:
        text = text.replace(json.dumps(f"{MARK}{number}"), number)
    return text.encode()


def as_text(value):
    """Give a value with the numbers that cannot be stored as their text."""
    return json.loads(json.dumps(value).replace(MARK, ""))


def fields_of(schema, keys):
    """Give the path of every field that may have any value, as names and places."""
    for name, field in schema["properties"].items():
        if name not in keys:
            yield (name,)
        for inner in field.get("items", {}).get("properties", {}):
            yield name, 0, inner
        for inner in field.get("properties", {}):
            yield name, inner


def put(record, path, value):
    """Set a field. What it is in is made if the record does not have it."""
    *inside, last = path
    for place, after in zip(inside, path[1:], strict=True):
        if isinstance(record, list):
            record = record[place]
            continue
        if not record.get(place):
            record[place] = [{}] if isinstance(after, int) else {}
        record = record[place]
    record[last] = value


@cache
def validator(stream):
    return Draft202012Validator(dict(SCHEMAS.get_schema(stream)), format_checker=FORMATS)


@pytest.mark.parametrize("stream", everything.EVERY)
@given(data=st.data())
def test_any_value_in_any_field_leaves_a_record_that_fits(stream, samples, data):
    schema = validator(stream).schema
    (normalize, told), (normalize_raw, told_raw) = plain(schema), compiled(schema)
    fields = list(fields_of(schema, schema["required"]))
    for _ in range(data.draw(st.integers(1, 3))):
        record = deepcopy(data.draw(st.sampled_from(samples(stream))))
        path, value = data.draw(st.sampled_from(fields)), data.draw(values)
        put(record, path, value)
        text = spelled(record)
        wanted = normalize(decode(text))
        for _ in range(2):  # what was met once is decoded in another way
            assert json.loads(msgspec.json.encode(normalize_raw(text))) == wanted
        assert [error.message for error in validator(stream).iter_errors(wanted)] == []
        assert json.loads(msgspec.json.encode(wanted)) == wanted
        (name, *inside) = path
        if not inside and value is not None and wanted.get(name) is None:
            assert wanted["additional_properties"][name] == as_text(value)
    assert told == told_raw
    assert len(told) == len(set(told))

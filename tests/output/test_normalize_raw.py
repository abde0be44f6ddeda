from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_dixa.output.left_out import is_any_of
from tap_dixa.output.normalize import Normalizer
from tap_dixa.output.normalize_raw import RawNormalizer, field_of
from tests.schema import SCHEMA

NAMES = [*SCHEMA["properties"], "value", "new", "old_count", 'a"', "parts.at"]
SCHEMA_WITH_ODD_NAMES = {
    "type": "object",
    "properties": {
        **SCHEMA["properties"],
        "from": {"type": ["string", "null"], "format": "date-time"},
        "nested": {"type": ["object", "null"], "properties": SCHEMA["properties"]},
        "untyped": {},
        "bare": {"type": ["array", "null"]},
        "not a name: import os": {"type": ["array", "null"], "items": {"type": "string"}},
    },
}
odd_names = [*NAMES, "from", "nested", "untyped", "bare", "not a name: import os"]

moments = st.integers(0, 10**13)
values = st.recursive(
    st.none() | st.booleans() | moments | st.floats(0, 1) | st.text(max_size=3) | st.just("1500"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(odd_names), inner, max_size=4)
    ),
    max_leaves=8,
)


WITH_COLUMN = {
    "type": "object",
    "properties": {
        **SCHEMA_WITH_ODD_NAMES["properties"],
        "additional_properties": {"type": ["object", "null"]},
    },
}


LEFT_OUT = {"new", "nested.parts", "parts.new", "count", "size"}


def both(schema, left_out=()):
    """Give the two normalizers, each with the paths that it reported."""
    found = []
    for raw in (False, True):
        unknown = []
        normalize = Normalizer(
            schema,
            unknown.append,
            lambda misfit, _, unknown=unknown: unknown.append((misfit.path, str(misfit))),
            {"old_count": "count"},
            is_any_of(left_out),
        )
        found.append((RawNormalizer(schema, normalize) if raw else normalize, unknown))
    return found


def encoded(record):
    return json.loads(msgspec.json.encode(record))


records = st.dictionaries(st.sampled_from(odd_names), values)


@pytest.mark.parametrize(
    ("schema", "left_out"),
    [(SCHEMA_WITH_ODD_NAMES, ()), (WITH_COLUMN, ()), (WITH_COLUMN, LEFT_OUT)],
    ids=["plain", "column", "left out"],
)
@given(st.lists(records, min_size=1, max_size=4), st.booleans())
@example([{"at": 1, "parts": [{"at": 2, "value": "é"}], "many": "x", "from": 0}], False)
@example([{"parts": [{"new": 1}, {}, {"new": 2}], "new": [3]}] * 3, True)
@example([{"nested": {"at": 1, "many": "x", "new": 4}, "untyped": [1], "bare": "x"}] * 2, True)
@example([{"nested": {"parts": [{"new": 1, "at": 3}]}}] * 3, True)
@example([{"count": {}, "size": [], "old_count": 1, "new": 1, "parts": [{"new": 2}]}] * 3, True)
@example([{"count": 1, "old_count": 2}, {"old_count": 3}, {'a"': 4, "a\\": 5}, {'a"': 6}], True)
def test_both_give_the_same_records_one_after_the_other(
    schema, left_out, given_records, ascii_only
):
    (normalize, unknown), (normalize_raw, unknown_raw) = both(schema, left_out)
    for record in given_records:
        text = json.dumps(record, ensure_ascii=ascii_only).encode()
        wanted = normalize(json.loads(text))
        found = normalize_raw(text)
        assert encoded(found) == wanted
        assert sorted(map(str, unknown_raw)) == sorted(map(str, unknown))
        if isinstance(wanted.get("at"), str):
            assert field_of(found, "at") == wanted["at"]


def test_a_record_with_a_field_that_was_met_before_is_not_decoded_whole():
    (_, _), (normalize_raw, _) = both(WITH_COLUMN)
    text = b'{"count":1,"new":{"a":  1},"parts":[{"new":[ ]}]}'
    assert isinstance(normalize_raw(text), dict)
    second = normalize_raw(text)
    assert not isinstance(second, dict)
    assert encoded(second)["additional_properties"] == {"new": {"a": 1}, "parts.0.new": []}


def test_a_field_that_is_left_out_is_dropped_without_decoding_the_record_whole():
    (_, _), (normalize_raw, _) = both(WITH_COLUMN, {"new", "parts.new"})
    text = b'{"count":1,"new":{"a":1},"parts":[{"new":[1]}],"newer":2}'
    assert isinstance(normalize_raw(text), dict)
    second = normalize_raw(text)
    assert not isinstance(second, dict)
    assert encoded(second) == {"count": 1, "parts": [{}], "additional_properties": {"newer": 2}}


def test_a_field_that_drifted_before_is_converted_without_decoding_the_record_whole():
    (normalize, _), (normalize_raw, _) = both(WITH_COLUMN)
    for text in (
        b'{"count":"5","parts":[{"at":""}]}',
        b'{"count":5.0,"many":[1]}',
        b'{"count":{},"at":"soon","open":[1]}',
    ):
        first, second = normalize_raw(text), normalize_raw(text)
        assert isinstance(first, dict)
        assert not isinstance(second, dict)
        assert encoded(first) == encoded(second) == normalize(json.loads(text))
    documented = b'{"count":5,"at":0,"many":["a"],"parts":[{"at":0}],"open":{}}'
    assert encoded(normalize_raw(documented)) == normalize(json.loads(documented))


def test_more_new_fields_than_are_worth_it_are_still_kept():
    (normalize, _), (normalize_raw, _) = both(WITH_COLUMN)
    records = [{f"new {number}": number for number in range(98)}]
    records += [{f"new {number}": number} for number in range(95, 105)]
    for record in records:
        text = json.dumps({**record, "count": 1}).encode()
        assert encoded(normalize_raw(text)) == normalize(json.loads(text))


def test_a_record_on_several_lines_becomes_one():
    (_, _), (normalize_raw, _) = both(WITH_COLUMN)
    text = json.dumps({"open": {"a": [1, {"b": 2}]}, "many": ["x"]}, indent=2).encode()
    assert b"\n" not in msgspec.json.encode(normalize_raw(text))

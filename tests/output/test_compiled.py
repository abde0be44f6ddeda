from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_dixa.output.compiled import value_of
from tap_dixa.output.exclusions import Exclusions
from tests.output.normalizers import NOTHING, compiled, plain
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


EXCLUDED = Exclusions(frozenset({"new", "parts", "count", "size"}))
NO_COLUMN = Exclusions(everything=True)


def encoded(record):
    return json.loads(msgspec.json.encode(record))


records = st.dictionaries(st.sampled_from(odd_names), values)


@pytest.mark.parametrize(
    ("schema", "exclusions"),
    [(SCHEMA_WITH_ODD_NAMES, NO_COLUMN), (WITH_COLUMN, NOTHING), (WITH_COLUMN, EXCLUDED)],
    ids=["plain", "column", "excluded"],
)
@given(st.lists(records, min_size=1, max_size=4), st.booleans())
@example([{"at": 1, "parts": [{"at": 2, "value": "é"}], "many": "x", "from": 0}], False)
@example([{"parts": [{"new": 1}, {}, {"new": 2}], "new": [3]}] * 3, True)
@example([{"nested": {"at": 1, "many": "x", "new": 4}, "untyped": [1], "bare": "x"}] * 2, True)
@example([{"nested": {"parts": [{"new": 1, "at": 3}]}}] * 3, True)
@example([{"count": {}, "size": [], "old_count": 1, "new": 1, "parts": [{"new": 2}]}] * 3, True)
@example([{"count": 1, "old_count": 2}, {"old_count": 3}, {'a"': 4, "a\\": 5}, {'a"': 6}], True)
def test_both_give_the_same_records_one_after_the_other(
    schema, exclusions, given_records, ascii_only
):
    normalize, warnings = plain(schema, exclusions, old_count="count")
    normalize_raw, warnings_raw = compiled(schema, exclusions, old_count="count")
    for record in given_records:
        text = json.dumps(record, ensure_ascii=ascii_only).encode()
        wanted = normalize(json.loads(text))
        found = normalize_raw(text)
        assert encoded(found) == wanted
        assert warnings_raw == warnings
        if isinstance(wanted.get("at"), str):
            assert value_of(found, "at") == wanted["at"]


def test_a_record_as_documented_is_not_decoded_to_a_dictionary():
    normalize, _ = compiled(WITH_COLUMN)
    for record in (
        {"at": 1, "parts": [{"at": "2026-01-05", "value": "é"}], "many": "x", "from": 0},
        {"nested": {"at": 1, "many": ["x"]}, "untyped": [1], "bare": [2], "open": {"a": {}}},
        {"size": 1, "flag": True, "either": "5", "text": None, "count": None},
    ):
        assert not isinstance(normalize(json.dumps(record).encode()), dict)


def test_nor_is_a_record_with_a_field_that_was_met_before():
    normalize, _ = compiled(WITH_COLUMN, Exclusions(frozenset({"excluded"})))
    text = b'{"count":1,"new":{"a":  1},"excluded":[1],"a.b":[ ]}'
    assert isinstance(normalize(text), dict)
    second = normalize(text)
    assert not isinstance(second, dict)
    assert encoded(second) == {
        "count": 1,
        "additional_properties": {"new": {"a": 1}, '"a.b"': []},
    }
    assert not isinstance(normalize(b'{"excluded":2}'), dict)


def test_more_new_fields_than_are_worth_it_are_still_kept():
    normalize, _ = plain(WITH_COLUMN)
    normalize_raw, _ = compiled(WITH_COLUMN)
    records = [{f"new {number}": number for number in range(98)}]
    records += [{f"new {number}": number} for number in range(95, 105)]
    records += [{"a very long name " * 100_000: 1}, {"": 1}, {"\u200b": 2}] * 2
    for record in records:
        text = json.dumps({**record, "count": 1}).encode()
        assert encoded(normalize_raw(text)) == normalize(json.loads(text))


def test_a_record_on_several_lines_becomes_one():
    normalize_raw, _ = compiled(WITH_COLUMN)
    text = json.dumps({"open": {"a": [1, {"b": 2}]}, "many": ["x"]}, indent=2).encode()
    assert b"\n" not in msgspec.json.encode(normalize_raw(text))

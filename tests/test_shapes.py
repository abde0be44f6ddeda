from __future__ import annotations

import json
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_dixa.shapes import compile_shape
from tests import expected
from tests.schema import SCHEMA


@pytest.fixture
def unknown():
    return []


@pytest.fixture
def convert(unknown):
    return compile_shape(SCHEMA, unknown.append, {"old_count": "count"})


def test_times_become_rfc3339(convert):
    assert convert({"at": 1_500, "parts": [{"at": 0}, {"at": None}]}) == {
        "at": "1970-01-01T00:00:01.500Z",
        "parts": [{"at": "1970-01-01T00:00:00.000Z"}, {"at": None}],
    }


def test_a_time_in_a_text_is_a_time(convert):
    assert convert({"at": "1500"}) == {"at": "1970-01-01T00:00:01.500Z"}


def test_what_comes_alone_comes_in_an_array(convert):
    assert convert({"many": "one", "parts": {"value": "v"}}) == {
        "many": ["one"],
        "parts": [{"value": ["v"]}],
    }


def test_null_and_absent_stay_what_they_are(convert):
    assert convert({"at": None, "many": None}) == {"at": None, "many": None}


def test_open_objects_pass_whole(convert, unknown):
    assert convert({"open": {"anything": [1, {"at": 0}]}}) == {"open": {"anything": [1, {"at": 0}]}}
    assert unknown == []


def test_unknown_fields_are_dropped_and_named(convert, unknown):
    assert convert({"new": 1, "parts": [{"newer": 2}]}) == {"parts": [{}]}
    assert unknown == ["new", "parts.newer"]


def test_a_second_name_becomes_the_first(convert, unknown):
    assert convert({"old_count": 3}) == {"count": 3}
    assert unknown == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*SCHEMA["properties"], "value", "new"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "new"]), json_values))
def test_whatever_is_sent_comes_out_as_json_with_known_fields_only(record):
    unknown = []
    names = record.keys() & SCHEMA["properties"].keys()
    try:
        converted = compile_shape(SCHEMA, unknown.append)(record)
    except OverflowError:
        return  # a time outside the years 1 to 9999
    assert converted.keys() == names
    json.dumps(converted)


@pytest.mark.parametrize("stream", expected.STREAMS)
def test_every_field_has_a_description_and_a_plain_type(stream):
    schema = json.loads(resources.files("tap_dixa.schemas").joinpath(f"{stream}.json").read_text())

    def check(field, path):
        assert field["description"].endswith("."), path
        types = field["type"] if isinstance(field["type"], list) else [field["type"]]
        assert len(set(types) - {"null"}) == 1, path
        for name, inner in field.get("items", {}).get("properties", {}).items():
            check(inner, f"{path}.{name}")

    for name, field in schema["properties"].items():
        check(field, name)

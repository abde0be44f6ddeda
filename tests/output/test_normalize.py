from __future__ import annotations

import json
from copy import deepcopy
from importlib import resources

import pytest

from tap_dixa.output.json_numbers import decode
from tap_dixa.output.normalize import Normalizer
from tests import expected
from tests.schema import SCHEMA, WITH_COLUMN


@pytest.fixture
def unknown():
    return []


@pytest.fixture
def misfits():
    return []


@pytest.fixture
def normalize(unknown, misfits):
    return Normalizer(
        WITH_COLUMN,
        unknown.append,
        lambda misfit, record: misfits.append((misfit.path, str(misfit), record.get("count"))),
        {"old_count": "count"},
    )


def test_times_become_rfc3339(normalize):
    assert normalize({"at": 1_500, "parts": [{"at": 0}, {"at": None}]}) == {
        "at": "1970-01-01T00:00:01.500Z",
        "parts": [{"at": "1970-01-01T00:00:00.000Z"}, {"at": None}],
    }


def test_a_time_in_a_text_is_a_time(normalize):
    assert normalize({"at": "1767571200500"}) == {"at": "2026-01-05T00:00:00.500Z"}


def test_what_comes_alone_comes_in_an_array(normalize):
    assert normalize({"many": "one", "parts": {"value": "v"}}) == {
        "many": ["one"],
        "parts": [{"value": ["v"]}],
    }


def test_null_and_absent_stay_what_they_are(normalize):
    assert normalize({"at": None, "many": None}) == {"at": None, "many": None}


def test_open_objects_pass_whole(normalize, unknown):
    assert normalize({"open": {"anything": [1, {"at": 0}]}}) == {
        "open": {"anything": [1, {"at": 0}]}
    }
    assert unknown == []


def test_fields_that_the_schema_does_not_have_go_to_their_column(normalize, unknown):
    assert normalize({"new": 1, "parts": [{}, {"newer": {"x": 2}}]}) == {
        "parts": [{}, {}],
        "additional_properties": {"new": 1, "parts.1.newer": {"x": 2}},
    }
    assert unknown == ["new", "parts[].newer"]
    normalize({"new": 2, "parts": {"newer": 3}})
    assert unknown == ["new", "parts[].newer"]  # each is reported once


def test_without_the_column_they_are_dropped_and_reported(unknown):
    assert Normalizer(SCHEMA, unknown.append, print)({"new": 1, "count": 2}) == {"count": 2}
    assert unknown == ["new"]


def test_names_that_are_data_do_not_fill_the_memory(normalize, unknown):
    for number in range(5_000):
        normalize({f"customer {number}": 1})
    assert len(unknown) == 1_000


def test_a_second_name_becomes_the_first(normalize, unknown):
    assert normalize({"old_count": 3}) == {"count": 3}
    assert unknown == []


CONVERTED = [
    ("count", "123", 123),
    ("count", 1000.0, 1000),
    ("count", "-9223372036854775808", -(2**63)),
    ("text", 7, "7"),
    ("text", 1.5, "1.5"),
    ("text", True, "true"),
    ("text", 2**70, "1180591620717411303424"),
    ("flag", "true", True),
    ("size", "1.5", 1.5),
    ("size", 2, 2),
    ("either", "5", "5"),
    ("either", 5, 5),
    ("either", 1.5, "1.5"),
    ("at", "2026-01-05T10:00:00.581Z[GMT]", "2026-01-05T10:00:00.581Z"),
    ("at", "20260105", "2026-01-05T00:00:00.000Z"),
    ("at", 1767571200000.0, "2026-01-05T00:00:00.000Z"),
    ("many", [7, None, "a"], ["7", None, "a"]),
    ("many", 7, ["7"]),
    ("open", {"a": [2**63, {"b": -(2**63) - 1}]}, {"a": [str(2**63), {"b": str(-(2**63) - 1)}]}),
]


@pytest.mark.parametrize(("field", "given_value", "wanted"), CONVERTED)
def test_what_converts_without_loss_is_converted(normalize, misfits, field, given_value, wanted):
    normalized = normalize({field: given_value})
    assert normalized == {field: wanted}
    assert type(normalized[field]) is type(wanted)
    assert misfits == []


MOVED = [
    ("count", 1.5, "a number"),
    ("count", "1.5", "a string"),
    ("count", "007", "a string"),
    ("count", " 1", "a string"),
    ("count", True, "the boolean true"),
    ("count", 1e300, "a number"),
    ("flag", 1, "a number"),
    ("size", "1.50", "a string"),
    ("size", "nan", "a string"),
    ("text", {"a": 1}, "an object"),
    ("text", ["a"], "an array"),
    ("at", "", "an empty string"),
    ("at", True, "the boolean true"),
    ("at", 1767571200000000, "the number 1767571200000000"),
    ("at", 1767571200.5, "the number 1767571200.5"),
    ("at", "1767571200", "the string 1767571200"),
    ("at", "202601051200", "the string 202601051200"),
    ("at", "12026-01-05T10:00:00Z", "the string 12026-01-05T10:00:00Z"),
    ("at", "9" * 50, f"the string {'9' * 30}…"),
    ("at", "Jane Doe", "a string"),
    ("many", [{"a": 1}, "b"], "an array"),
    ("many", {"a": 1}, "an object"),
    ("parts", [{"value": "v", "new": 1}, None], "an array"),
    ("parts", 5, "a number"),
    ("open", "text", "a string"),
]


@pytest.mark.parametrize(("field", "value", "shown"), MOVED)
def test_what_does_not_convert_moves_whole(normalize, misfits, field, value, shown):
    for record in ({"text": "t", field: deepcopy(value)}, {field: deepcopy(value)}):
        normalized = normalize(record)
        assert normalized[field] is None
        assert normalized["additional_properties"] == {field: value}
    assert misfits == [(field, shown, None)]  # once, and nothing of a text


def test_a_number_that_cannot_be_stored_moves_as_its_text(normalize, misfits):
    assert normalize(decode(b'{"count": 9223372036854775808, "at": -1e400}')) == {
        "count": None,
        "at": None,
        "additional_properties": {"count": "9223372036854775808", "at": "-1e400"},
    }
    assert [shown for _, shown, _ in misfits] == ["a number", "the number -1e400"]
    assert normalize(decode(b'{"new": [1e400, {"a": 1e500}], "text": 1e400}')) == {
        "text": "1e400",
        "additional_properties": {"new": ["1e400", {"a": "1e500"}]},
    }
    assert normalize(decode(b'{"count":1%b}' % (b"0" * 5_000)))["additional_properties"] == {
        "count": "1" + "0" * 5_000
    }


def test_inside_objects_only_the_field_moves(normalize, misfits):
    assert normalize({"count": 7, "parts": [{}, {"at": "soon", "value": ["a", {}]}]}) == {
        "count": 7,
        "parts": [{}, {"at": None, "value": None}],
        "additional_properties": {"parts.1.at": "soon", "parts.1.value": ["a", {}]},
    }
    assert misfits == [("parts[].at", "a string", 7), ("parts[].value", "an array", 7)]


def test_a_field_that_must_not_be_null_is_omitted():
    schema = {
        "type": "object",
        "properties": {"must": {"type": "boolean"}, **WITH_COLUMN["properties"]},
    }
    normalize = Normalizer(schema, print, lambda *_: None)
    assert normalize({"must": None}) == {}
    assert normalize({"must": 7}) == {"additional_properties": {"must": 7}}


def test_what_dixa_sends_under_the_name_of_the_column_is_kept(normalize, unknown):
    assert normalize({"additional_properties": {"a": 1}, "new": 2}) == {
        "additional_properties": {"additional_properties": {"a": 1}, "new": 2}
    }
    assert unknown == ["additional_properties", "new"]
    assert normalize({"additional_properties": None}) == {"additional_properties": None}


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

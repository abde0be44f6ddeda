from __future__ import annotations

import json
from copy import deepcopy
from importlib import resources

import pytest

from tap_dixa.output.exclusions import Exclusions
from tap_dixa.output.json_numbers import decode
from tests import expected
from tests.output.normalizers import plain
from tests.schema import SCHEMA, WITH_COLUMN


@pytest.fixture
def normalizer():
    return plain(WITH_COLUMN, old_count="count")


@pytest.fixture
def normalize(normalizer):
    return normalizer[0]


@pytest.fixture
def warnings(normalizer):
    return normalizer[1]


def new(field, fate="in additional_properties"):
    return f"s: field {field} is not in the schema; its values are {fate}"


def misfit(field, shown):
    fate = "such values are in additional_properties, and the field is null"
    return f"s: field {field} of record  is {shown}, which its schema does not allow; {fate}"


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


def test_open_objects_pass_whole(normalize, warnings):
    assert normalize({"open": {"anything": [1, {"at": 0}]}}) == {
        "open": {"anything": [1, {"at": 0}]}
    }
    assert warnings == []


def test_fields_that_the_schema_does_not_have_go_to_their_column(normalize, warnings):
    assert normalize({"new": 1, "parts": [{}, {"newer": {"x": 2}}]}) == {
        "parts": [{}, {}],
        "additional_properties": {"new": 1, "parts.1.newer": {"x": 2}},
    }
    assert warnings == [new("new"), new("parts[].newer")]
    normalize({"new": 2, "parts": {"newer": 3}})
    assert warnings == [new("new"), new("parts[].newer")]  # each is reported once


def test_without_the_column_they_are_dropped_and_reported():
    normalize, warnings = plain(SCHEMA, Exclusions(everything=True))
    assert normalize({"new": 1, "count": 2}) == {"count": 2}
    fate = "dropped, because the catalog or a stream map removes additional_properties"
    assert warnings == [new("new", fate)]


def test_names_that_are_data_fill_neither_the_log_nor_the_memory(normalize, warnings):
    for number in range(50):
        normalize({f"{number} {'customer ' * 100_000}": 1})
    assert warnings == [new("(not a plain name)")]
    for number in range(50):
        normalize({f"new_{number}": 1})
    assert len(warnings) == 21
    assert warnings[-1] == "s: further such fields are not logged"


def test_a_second_name_becomes_the_first(normalize, warnings):
    assert normalize({"old_count": 3}) == {"count": 3}
    assert warnings == []


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
def test_what_converts_without_loss_is_converted(normalize, warnings, field, given_value, wanted):
    normalized = normalize({field: given_value})
    assert normalized == {field: wanted}
    assert type(normalized[field]) is type(wanted)
    assert warnings == []


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
def test_what_does_not_convert_moves_whole(normalize, warnings, field, value, shown):
    for record in ({"text": "t", field: deepcopy(value)}, {field: deepcopy(value)}):
        normalized = normalize(record)
        assert normalized[field] is None
        assert normalized["additional_properties"] == {field: value}
    assert warnings == [misfit(field, shown)]  # once, and nothing of a text


def test_a_number_that_cannot_be_stored_moves_as_its_text(normalize, warnings):
    assert normalize(decode(b'{"count": 9223372036854775808, "at": -1e400}')) == {
        "count": None,
        "at": None,
        "additional_properties": {"count": "9223372036854775808", "at": "-1e400"},
    }
    assert warnings == [
        misfit("count", "a number"),
        misfit("at", "the number -1e400"),
    ]
    assert normalize(decode(b'{"new": [1e400, {"a": 1e500}], "text": 1e400}')) == {
        "text": "1e400",
        "additional_properties": {"new": ["1e400", {"a": "1e500"}]},
    }
    assert normalize(decode(b'{"count":1%b}' % (b"0" * 5_000)))["additional_properties"] == {
        "count": "1" + "0" * 5_000
    }


def test_inside_objects_only_the_field_moves(normalize, warnings):
    assert normalize({"count": 7, "parts": [{}, {"at": "soon", "value": ["a", {}]}]}) == {
        "count": 7,
        "parts": [{}, {"at": None, "value": None}],
        "additional_properties": {"parts.1.at": "soon", "parts.1.value": ["a", {}]},
    }
    assert warnings == [misfit("parts[].at", "a string"), misfit("parts[].value", "an array")]


def test_a_field_that_must_not_be_null_is_omitted():
    schema = {
        "type": "object",
        "properties": {"must": {"type": "boolean"}, **WITH_COLUMN["properties"]},
    }
    normalize, _ = plain(schema)
    assert normalize({"must": None}) == {}
    assert normalize({"must": 7}) == {"additional_properties": {"must": 7}}


def test_what_dixa_sends_under_the_name_of_the_column_is_a_new_field(normalize, warnings):
    assert normalize({"additional_properties": {"a": 1}, "new": 2}) == {
        "additional_properties": {"additional_properties": {"a": 1}, "new": 2}
    }
    assert warnings == [new("additional_properties"), new("new")]
    assert normalize({"additional_properties": None}) == {
        "additional_properties": {"additional_properties": None}
    }


def test_no_two_values_have_one_name_in_the_column(normalize):
    names = ["parts.0.new", '"parts.0.new"', '"parts.0"', "parts.0.at", "at.", ".", "", '"', "\\."]
    record = {name: name for name in (*names, "additional_properties", "additional_properties.")}
    sent = {**record, "at": "soon", "parts": [{"new": 1, "at": "soon", "0.new": 2, ".": 3}]}
    moved = normalize(deepcopy(sent))["additional_properties"]
    assert sorted(map(str, moved.values())) == sorted([*record, "soon", "soon", "1", "2", "3"])
    assert moved["parts.0.new"] == 1
    assert moved['"parts.0.new"'] == "parts.0.new"
    assert moved['parts.0."0.new"'] == 2


def nested(levels):
    return json.loads("[" * levels + "]" * levels)


@pytest.mark.parametrize("field", ["new", "open", "text", "many", "untyped"])
def test_a_value_that_is_nested_too_deeply_to_be_written_is_refused(field):
    schema = {"properties": {**WITH_COLUMN["properties"], "untyped": {}}}
    normalize, _ = plain(schema)
    wrap = (lambda value: {"a": value}) if field == "open" else lambda value: value
    assert normalize({field: wrap(nested(499))})
    with pytest.raises(RecursionError, match="more than 500 levels"):
        normalize({field: wrap(nested(501))})


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

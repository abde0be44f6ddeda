from __future__ import annotations

import json
import re
from importlib import resources

import pytest
from jsonschema import Draft202012Validator

from docs.generate.fields import UNITS
from tap_dixa import schemas
from tests import documented

SCHEMAS = {
    file.name.removesuffix(".json"): json.loads(file.read_text(encoding="utf-8"))
    for file in resources.files(schemas).iterdir()
    if file.name.endswith(".json")
}

ADDITIONAL = {
    stream: schema["properties"].pop(schemas.ADDITIONAL) for stream, schema in SCHEMAS.items()
}
"""Each stream's column for other fields, which is not one of Dixa's."""


def fields(schema, path=""):
    """Give the path and the schema of each field, at every level."""
    for name, field in schema.get("properties", {}).items():
        yield f"{path}{name}", field
        yield from fields(field, f"{path}{name}.")
    if "items" in schema:
        yield from fields(schema["items"], path)


def parts(value):
    """Give every object within a JSON value, itself included."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from parts(inner)


@pytest.fixture(params=sorted(SCHEMAS))
def schema(request):
    return SCHEMAS[request.param]


def test_there_is_a_schema_for_every_stream():
    assert SCHEMAS.keys() == {"conversations", "messages", *documented.DIXA_API}


def test_is_valid_json_schema(schema):
    Draft202012Validator.check_schema(schema)


def test_a_loader_that_flattens_takes_its_description_for_no_field(schema):
    # The SDK looks a record's key up beside "properties", and "type" in what it finds there.
    values = (value for key, value in schema.items() if key in schema["properties"])
    assert not any("type" in value for value in values)


def test_is_an_object_with_fields(schema):
    assert schema["type"] == "object"
    assert schema["properties"]
    assert set(schema["required"]) <= schema["properties"].keys()


def test_every_field_is_typed_and_described(schema):
    assert schema["description"]
    for path, field in fields(schema):
        assert field["type"], path
        description = field["description"]
        assert description == description.strip(), path
        assert description.endswith("."), path


def test_every_number_tells_its_unit_and_every_time_is_in_utc(schema):
    for path, field in fields(schema):
        units = [words for words in UNITS if words in field["description"]]
        if "integer" in field["type"] and not re.search(r"\bid\b|identifies", field["description"]):
            assert len(units) == 1, path
        if field.get("format") == "date-time":
            assert "in UTC" in field["description"], path


def test_every_array_says_what_it_holds(schema):
    for path, field in fields(schema):
        if "array" in field["type"]:
            assert field["items"]["type"], path


def test_unknown_fields_are_no_error(schema):
    # Dixa adds fields without notice.
    assert not [part for part in parts(schema) if part.get("additionalProperties") is False]


@pytest.mark.parametrize("name", documented.DIXA_API)
def test_carries_the_fields_of_dixas_own_description_in_order(name):
    own = documented.DIXA_API[name][1].split()
    wanted = documented.ADDED.get(name, []) + own + documented.ADDED_LAST.get(name, [])
    assert list(SCHEMAS[name]["properties"]) == wanted


@pytest.mark.parametrize(("name", "field"), documented.INNER_FIELDS)
def test_carries_the_inner_fields_of_dixas_own_description(name, field):
    outer = SCHEMAS[name]["properties"][field]
    inner = outer.get("items", outer)
    assert list(inner["properties"]) == documented.INNER_FIELDS[name, field].split()


@pytest.mark.parametrize("name", documented.DIXA_API)
def test_only_keys_are_sure_to_be_there(name):
    sure = (
        *documented.DIXA_API[name][0],
        *documented.ALWAYS.get(name, ()),
        *documented.REPLICATION_KEYS.get(name, ()),
    )
    assert SCHEMAS[name]["required"] == list(sure)
    for path, field in fields(SCHEMAS[name]):
        if path in sure:
            assert field["type"] in {"string", "integer"}, path
        else:
            assert field["type"][1:] == ["null"], path


def test_times_are_times():
    found = {
        (name, path)
        for name in documented.DIXA_API
        for path, field in fields(SCHEMAS[name])
        if field.get("format") == "date-time"
    }
    assert found == documented.TIMES


def test_what_is_open_is_one_column():
    found = {
        (name, path)
        for name in documented.DIXA_API
        for path, field in fields(SCHEMAS[name])
        if field["type"] == ["object", "null"] and "properties" not in field
    }
    assert found == documented.OPEN


def test_every_stream_has_the_same_column_for_other_fields():
    (column,) = {json.dumps(column) for column in ADDITIONAL.values()}
    assert json.loads(column)["type"] == ["object", "null"]
    assert json.loads(column)["additionalProperties"] is True

import re

import pytest
from jsonschema import Draft202012Validator

from docs.generate.fields import UNITS
from tap_dixa.schemas import ADDITIONAL
from tap_dixa.streams import STREAMS
from tap_dixa.streams.base import SCHEMAS
from tap_dixa.tap import TapDixa

DISCOVERED = TapDixa(config={}, validate_config=False, setup_mapper=False).streams


def fields(schema, path=""):
    """Give the path and the schema of each field, at every level."""
    for name, field in schema.get("properties", {}).items():
        yield f"{path}{name}", field
        yield from fields(field, f"{path}{name}.")
    if "items" in schema:
        yield from fields(schema["items"], path)


@pytest.fixture(params=[stream.name for stream in STREAMS])
def stream(request):
    return DISCOVERED[request.param]


@pytest.fixture
def schema(stream):
    return SCHEMAS.get_schema(stream.name)


def test_is_valid_json_schema(schema):
    Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert schema["description"]


def test_a_loader_that_flattens_takes_its_description_for_no_field(schema):
    # The SDK looks a record's key up beside "properties", and "type" in what it finds there.
    values = (value for key, value in schema.items() if key in schema["properties"])
    assert not any("type" in value for value in values)


def test_every_field_is_typed_and_described(schema):
    for path, field in fields(schema):
        types = field["type"] if isinstance(field["type"], list) else [field["type"]]
        assert len({*types} - {"null"}) == 1, path
        assert "array" not in field["type"] or field["items"]["type"], path
        # Dixa adds fields without notice.
        assert field.get("additionalProperties") is not False, path
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


def test_keys_are_sure_to_be_there_and_most_others_are_not(stream, schema):
    keys = {*stream.primary_keys, stream.replication_key} - {None}
    required = set(schema["required"])
    assert keys <= required
    for name in required:
        assert "null" not in schema["properties"][name]["type"]
    if stream.name not in {"conversations", "messages"}:
        assert required - keys <= {"recordId"}
        for path, field in fields(schema):
            assert path in required or field["type"][1:] == ["null"], path


def test_every_stream_has_the_same_column_for_other_fields():
    column, *others = (SCHEMAS.get_schema(name)["properties"][ADDITIONAL] for name in DISCOVERED)
    assert all(other == column for other in others)
    assert column["type"] == ["object", "null"]
    assert column["additionalProperties"] is True

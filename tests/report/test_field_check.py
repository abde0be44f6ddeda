"""What a schema does not know of a record."""

from __future__ import annotations

import pytest

from tap_dixa.client import SCHEMAS
from tap_dixa.output.json_numbers import HugeNumber
from tap_dixa.report.field_check import FieldCheck

SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "score": {"type": ["integer", "null"]},
        "at": {"type": ["string", "null"], "format": "date-time"},
        "to": {"type": ["array", "null"], "items": {"type": "string"}},
        "anything": {"type": ["object", "null"], "additionalProperties": True},
        "tags": {
            "type": ["array", "null"],
            "items": {"type": "object", "properties": {"name": {"type": ["string", "null"]}}},
        },
    },
}


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"id": "a", "score": 1, "at": "2026-01-01T00:00:00Z", "to": ["b"], "anything": {"c": 1}},
        {"score": None, "at": None, "to": None, "tags": None, "anything": None},
        {"at": 1_700_000_000_000},
        {"at": 1.7e12},
        {"to": "b"},
        {"tags": {"name": "b"}},
        {"tags": [{"name": "b"}, {}]},
        {"other": "a"},
    ],
)
def test_what_the_tap_can_handle_is_not_reported(record):
    check = FieldCheck(SCHEMA, {"other": "id"})
    check.check(record)
    assert (check.records, check.unknown, check.unexpected) == (1, {}, {})


@pytest.mark.parametrize(
    ("record", "path", "kind"),
    [
        ({"new": 1}, "new", "integer"),
        ({"new": {"inner": 1}}, "new", "object"),
        ({"tags": [{}, {"new": [1]}]}, "tags[].new", "array"),
        ({"tags": {"new": None}}, "tags[].new", "null"),
        ({"jane@example.com": True}, "(not a plain name)", "boolean"),
        ({"1c35d7c0-9a12-4f0e-8fd1-2f1c0a3a9e11": 1}, "(not a plain name)", "integer"),
        ({"a12345": 1.5}, "(not a plain name)", "number"),
        ({"new": HugeNumber("1e400")}, "new", "number"),
    ],
)
def test_an_unknown_field_is_named_but_not_if_the_name_may_be_data(record, path, kind):
    check = FieldCheck(SCHEMA, {})
    check.check(record)
    assert check.unknown == {path: {kind}}
    assert check.unexpected == {}


@pytest.mark.parametrize(
    ("record", "path", "kind", "allowed"),
    [
        ({"id": None}, "id", "null", ["string"]),
        ({"id": 1}, "id", "integer", ["string"]),
        ({"score": 1.5}, "score", "number", ["integer", "null"]),
        ({"score": True}, "score", "boolean", ["integer", "null"]),
        ({"at": []}, "at", "array", ["string", "null", "integer", "number"]),
        ({"to": ["b", 1]}, "to[]", "integer", ["string"]),
        ({"to": 1}, "to[]", "integer", ["string"]),
        ({"tags": [{"name": {}}]}, "tags[].name", "object", ["string", "null"]),
        ("no object", "(the record itself)", "string", ["object"]),
    ],
)
def test_a_type_that_the_schema_does_not_allow_is_reported(record, path, kind, allowed):
    check = FieldCheck(SCHEMA, {})
    check.check(record)
    assert check.unexpected == {path: ({kind}, allowed)}
    assert check.unknown == {}


def test_what_several_records_have_is_gathered():
    check = FieldCheck(SCHEMA, {})
    for new in (1, "a", 2, None):
        check.check({"id": new, "new": new})
    assert check.records == 4
    assert check.unknown == {"new": {"integer", "string", "null"}}
    assert check.unexpected == {"id": ({"integer", "null"}, ["string"])}


def test_the_streams_own_schemas_can_be_checked():
    check = FieldCheck(SCHEMAS.get_schema("messages"), {"form_submission": "formSubmission"})
    check.check({"id": "a", "form_submission": None, "created_at": 1})
    assert (check.unknown, check.unexpected) == ({}, {})

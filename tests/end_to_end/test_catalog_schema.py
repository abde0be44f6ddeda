"""A schema that a catalog changes: every record satisfies it, or the catalog is refused."""

from __future__ import annotations

import copy

import pytest

from tests.conftest import SDK_PATH, catalog, settings
from tests.end_to_end import checks

TIME = {"type": "string", "format": "date-time"}
TEXT = {"type": ["string", "null"]}

REFUSED = {
    "a time as one of several": ("created_at", {"anyOf": [TIME, {"type": "null"}]}),
    "beside a type": ("created_at", {**TEXT, "anyOf": [TIME, {"type": "null"}]}),
    "no type": ("subject", {"description": "…"}),
    "a type that JSON does not have": ("created_at", {"type": "timestamp"}),
    "null alone": ("subject", {"type": ["null"]}),
    "a date": ("created_at", {**TEXT, "format": "date"}),
    "a time without its format": ("created_at", TEXT),
    "a time as a number": ("created_at", {"type": ["number", "null"]}),
    "a time or a number": ("created_at", {"type": ["string", "integer"], "format": "date-time"}),
    "a format of a text": ("subject", {**TEXT, "format": "uuid"}),
    "in an object": ("tags_info", {"type": "array", "items": {"anyOf": [{"type": "string"}]}}),
    "an object without fields": (
        "additional_properties",
        {"type": ["object", "null"], "additionalProperties": False},
    ),
    "new fields as a text": ("additional_properties", TEXT),
    "new fields as documented": (
        "additional_properties",
        {"type": "object", "properties": {"brandNewField": {"type": "boolean"}}},
    ),
    "a key that is a list": ("id", {"type": ["array", "null"]}),
}


def changed(**fields):
    chosen = copy.deepcopy(catalog("conversations"))
    chosen["streams"][0]["schema"]["properties"].update(fields)
    return chosen


@pytest.mark.parametrize(("field", "schema"), REFUSED.values(), ids=REFUSED)
def test_what_the_tap_cannot_follow_is_refused(serve, run_tap, field, schema):
    sandbox = serve()
    line = checks.failed(run_tap(settings(sandbox), catalog=changed(**{field: schema})))
    assert f"--catalog: the schema of conversations.{field}" in line
    assert sandbox.answered == []


FOLLOWED = {
    "a number as a text": {"total_duration": TEXT, "queue_id": {"type": "integer"}},
    "a key as a text": {"id": {"type": "string"}},
    "never null": {"subject": {"type": "string"}, "total_duration": {"type": "integer"}},
    "several types": {"subject": {"type": ["boolean", "integer", "object", "string", "null"]}},
    "a text as an array": {"subject": {"type": ["array", "null"], "items": {"type": "string"}}},
    "a text as a time": {"subject": {**TIME, "type": ["string", "null"]}},
    "any items": {"ratings": {"type": ["array", "null"], "items": {}}},
    "an object without other fields": {
        "tags_info": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}},
                "additionalProperties": False,
            },
        }
    },
    "a column of the user's": {"brandNewField": {"type": ["boolean", "null"]}},
}


@pytest.mark.parametrize("options", [{}, SDK_PATH], ids=["fast path", "SDK path"])
@pytest.mark.parametrize("fields", FOLLOWED.values(), ids=FOLLOWED)
def test_what_the_tap_follows_holds_for_every_record(serve, run_tap, fields, options):
    sandbox = serve(new_fields=True)
    run = run_tap(settings(sandbox, **options), catalog=changed(**fields))
    checks.succeeded(run)
    assert len(run.records("conversations")) == 100
    checks.fits_its_schema(run, "conversations")


@pytest.mark.parametrize(
    ("stream", "key"), [("messages", "id"), ("tags", "id"), ("analytics_records", "recordId")]
)
def test_a_key_of_strings_does_not_become_a_number(serve, run_tap, stream, key):
    sandbox = serve()
    chosen = copy.deepcopy(catalog(stream))
    chosen["streams"][0]["schema"]["properties"][key] = {"type": "integer"}
    line = checks.failed(run_tap(settings(sandbox), catalog=chosen))
    assert f"--catalog: the schema of {stream}.{key} is never null" in line
    assert sandbox.answered == []

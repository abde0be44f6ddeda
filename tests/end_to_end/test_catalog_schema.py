"""A schema that a catalog changes: every record satisfies it."""

from __future__ import annotations

import copy

import pytest

from tests.conftest import SDK_PATH, catalog, settings
from tests.end_to_end import checks

TIME = {"type": "string", "format": "date-time"}
TEXT = {"type": ["string", "null"]}

FOLLOWED = {
    "a number as a text": {"total_duration": TEXT, "queue_id": {"type": "integer"}},
    "a key as a text": {"id": {"type": "string"}},
    "never null": {"subject": {"type": "string"}, "total_duration": {"type": "integer"}},
    "several types": {"subject": {"type": ["boolean", "integer", "object", "string", "null"]}},
    "a text as an array": {"subject": {"type": ["array", "null"], "items": {"type": "string"}}},
    "a text as a time": {"subject": {**TIME, "type": ["string", "null"]}},
    "constraints": {"subject": {**TEXT, "description": "…", "x-sql-datatype": "text"}},
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
    chosen = copy.deepcopy(catalog("conversations"))
    chosen["streams"][0]["schema"]["properties"].update(fields)
    run = run_tap(settings(sandbox, **options), catalog=chosen)
    checks.succeeded(run)
    assert len(run.records("conversations")) == 100
    checks.fits_its_schema(run, "conversations")

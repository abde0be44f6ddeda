"""What a catalog or a stream map leaves out or changes does not arrive by another way."""

import json
from copy import deepcopy

import pytest

from tests.conftest import DAY, NOON, catalog
from tests.end_to_end import checks
from tests.end_to_end.batches import batch_config, emitted
from tests.end_to_end.odd_rows import UUID, listed
from tests.faults import Odd

PERSON = "ann@customer.example"
AT = NOON - 3 * DAY
CONVERSATION = {
    "id": 1,
    "updated_at": AT,
    "requester_email": [PERSON],
    "ratings": [{"rating_score": PERSON, "shade": PERSON}],
    "closed_at": "soon",
    "new": "field",
}
MESSAGE = {
    "id": UUID,
    "created_at": AT,
    "author_email": [PERSON],
    "author_name": {"first": PERSON},
    "form_submission": PERSON,
    "duration": "soon",
    "new": "field",
}
AGENT = {"id": "5", "email": [PERSON], "createdAt": "soon", "new": "field"}
ENTRY = {"id": UUID, "activityTimestamp": "2026-03-09T00:00:00Z", "new": "field"}
AUTHORS = ({"id": "6", "email": [PERSON]}, PERSON, {"id": "6", "email": {"a": PERSON}})

FIELDS = {
    "conversations": ["requester_email", "ratings"],
    "messages": ["author_email", "author_name", "formSubmission"],
    "agents": ["email"],
    "activity_logs": ["author.email"],
}
"""What is left out. Dixa sends a person there that does not fit."""
HASH = "str(sha256(str(self).lower())) if self else None"


def without_fields(*, lacks):
    """Give a catalog that lacks the fields, or deselects them."""
    chosen = deepcopy(catalog(*FIELDS))
    for entry in chosen["streams"]:
        for field in FIELDS[entry["tap_stream_id"]]:
            *parents, name = field.split(".")
            crumb = [part for part in (*parents, name) for part in ("properties", part)]
            (item,) = (item for item in entry["metadata"] if item["breadcrumb"] == crumb)
            item["metadata"] = {"selected": False}
            if lacks:
                entry["metadata"].remove(item)
                schema = entry["schema"]
                for parent in parents:
                    schema = schema["properties"][parent]
                del schema["properties"][name]
    return chosen


def mapped(expression):
    """Give the stream maps that replace the fields."""
    maps = {stream: dict.fromkeys(fields, expression) for stream, fields in FIELDS.items()}
    return {**maps, "activity_logs": {"author": "{'id': self['id']} if self else None"}}


NAMED = {
    "conversations": {"address": "requester_email", "stars": "ratings"},
    "messages": {
        "address": "record['author_email'] or _.author_email",
        "person": "author_name",
        "formSubmission": "formSubmission",
    },
    "ag*": {"address": "email"},
    "activity_logs": {"__filter__": "author is None or author['email'] is None"},
}
FILTERED = {"*": {"__filter__": "True"}}
"""A map that keeps all may still be there for what a value that does not fit would show."""
SELECTED, LACKING = catalog(*FIELDS), without_fields(lacks=True)
CASES = {
    "deselected": (without_fields(lacks=False), {}),
    "not in the catalog": (LACKING, {}),
    "not in the catalog, filtered by a map": (LACKING, FILTERED),
    "removed by a map": (SELECTED, mapped("__NULL__")),
    "changed by a map": (SELECTED, mapped(HASH)),
    "named by a map": (SELECTED, NAMED),
    "filtered by a map": (SELECTED, FILTERED),
}


@pytest.mark.parametrize("batch", [False, True], ids=["records", "batch"])
@pytest.mark.parametrize(("chosen", "maps"), CASES.values(), ids=CASES)
def test_a_value_that_does_not_fit_is_dropped_if_its_field_is_left_out(
    account_of, tmp_path, chosen, maps, batch
):
    exports = [Odd(", ".join([json.dumps(record)] * 3)) for record in (CONVERSATION, MESSAGE)]
    rows = [listed(AGENT, AGENT), listed(*({**ENTRY, "author": author} for author in AUTHORS))]
    account = account_of(conversations=3, days=5, faults=exports, api_faults=rows)
    options = {"batch_config": batch_config(tmp_path)} if batch else {}
    run = checks.succeeded(account.sync(chosen=chosen, stream_maps=maps, **options))
    output = json.dumps([emitted(run, stream) for stream in FIELDS])
    assert UUID in output
    assert PERSON not in output + run.output + run.log
    # With a map, no value that does not fit moves; without, those of other fields do.
    for field in ("closed_at", "duration", "createdAt"):
        assert (f'"{field}": "soon"' in output) == (not maps)
    assert output.count('"new": "field"') >= 4
    for line in ("messages: field author_email ", "messages: field form"):
        (warning,) = (text for text in checks.warnings(run) if line in text)
        assert "dropped, because the catalog deselects or lacks the field" in warning


@pytest.mark.parametrize(
    "kept",
    [
        {"additional_properties": "__NULL__"},
        {"additional_properties": None},
        {"id": "id", "created_at": "created_at", "__else__": None},
    ],
    ids=["null", "removed", "not among those that are kept"],
)
def test_a_map_that_drops_what_it_does_not_name_drops_new_fields(account_of, kept):
    odd = Odd(json.dumps({**MESSAGE, "new": PERSON}))
    account = account_of("messages", conversations=3, days=5, faults=[odd])
    run = checks.succeeded(account.sync(stream_maps={"messages": kept}))
    assert PERSON not in run.output
    assert "messages: field new is not in the schema; its values are dropped, because" in run.log
    assert "in additional_properties" not in run.log


def test_a_map_that_drops_the_rest_keeps_new_fields_if_it_lists_their_column(account_of):
    kept = ("id", "created_at", "additional_properties")
    odd = Odd(json.dumps(MESSAGE))
    account = account_of("messages", conversations=3, days=5, faults=[odd])
    maps = {"messages": {**{name: name for name in kept}, "__else__": None}}
    run = checks.succeeded(account.sync(stream_maps=maps))
    assert {"new": "field"} in [
        record["additional_properties"] for record in run.records("messages")
    ]
    assert PERSON not in run.output

"""What a catalog or a stream map leaves out or changes does not arrive by another way."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest

from tests.conftest import DAY, NOON, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.batches import batch_config, batched
from tests.faults import Odd, Refusal

PERSON = "ann@customer.example"
UUID = "00000000-0000-4000-8000-000000000000"
AT = NOON - 3 * DAY
STREAMS = ("conversations", "messages", "agents", "activity_logs")

CONVERSATION = {
    "id": 1,
    "updated_at": AT,
    "requester_email": [PERSON],
    "ratings": [{"rating_score": PERSON, "shade": PERSON}],
    "tags_info": PERSON,
    "closed_at": "soon",
    "new": "field",
}
MESSAGE = {
    "id": UUID,
    "created_at": AT,
    "author_email": [PERSON],
    "author_name": {"first": PERSON},
    "form_submission": PERSON,
    "duration": "long",
    "new": "field",
}
AGENT = {
    "id": "5",
    "email": [PERSON],
    "middleNames": [{"a": PERSON}],
    "createdAt": "soon",
    "new": "field",
}
ENTRIES = [
    {
        "id": UUID,
        "activityTimestamp": "2026-03-09T00:00:00Z",
        "conversationId": 1.5,
        "new": "field",
        "author": author,
    }
    for author in ({"id": "6", "email": [PERSON]}, PERSON, {"id": "6", "email": {"a": PERSON}})
]

FIELDS = {
    "conversations": ["requester_email", "ratings", "tags_info"],
    "messages": ["author_email", "author_name", "formSubmission"],
    "agents": ["email", "middleNames"],
    "activity_logs": ["author.email"],
}
HASH = "str(sha256(str(self).lower())) if self else None"


def catalog_without_fields(*, lacks):
    """Give a catalog that lacks the fields, or deselects them."""
    chosen = deepcopy(catalog(*STREAMS))
    for entry in chosen["streams"]:
        for field in FIELDS[entry["tap_stream_id"]]:
            *parents, name = field.split(".")
            crumb = [part for part in (*parents, name) for part in ("properties", part)]
            (item,) = (item for item in entry["metadata"] if item["breadcrumb"] == crumb)
            if lacks:
                schema = entry["schema"]
                for parent in parents:
                    schema = schema["properties"][parent]
                del schema["properties"][name]
                entry["metadata"].remove(item)
            else:
                item["metadata"] = {"selected": False}
    return chosen


def maps(removed):
    found = {
        stream: dict.fromkeys(fields, "__NULL__" if removed else HASH)
        for stream, fields in FIELDS.items()
        if stream != "activity_logs"
    }
    found["activity_logs"] = {"author": "{'id': self['id']} if self else None"}
    return {"stream_maps": found}


NAMED = {
    "stream_maps": {
        "conversations": {"address": "requester_email", "stars": "ratings", "labels": "tags_info"},
        "messages": {
            "address": "record['author_email'] or _.author_email",
            "person": "author_name",
            "formSubmission": "formSubmission",
        },
        "ag*": {"address": "email", "names": "middleNames"},
        "activity_logs": {"__filter__": "author is None or author['email'] is None"},
    }
}


FILTERED = {"stream_maps": {"*": {"__filter__": "True"}}}
"""A map that keeps all may still be there for what a value that does not fit would show."""

DESELECTED, LACKING = catalog_without_fields(lacks=False), catalog_without_fields(lacks=True)
CASES = {
    "deselected": (DESELECTED, {}),
    "not in the catalog": (LACKING, {}),
    "not in the catalog, filtered by a map": (LACKING, FILTERED),
    "removed by a map": (None, maps(removed=True)),
    "changed by a map": (None, maps(removed=False)),
    "named by a map": (None, NAMED),
    "filtered by a map": (None, FILTERED),
}


def emitted(run):
    """Give all that was written, to standard output and to BATCH files."""
    return run.output + json.dumps([batched(run, stream) for stream in STREAMS])


@pytest.mark.parametrize("batch", [False, True], ids=["records", "batch"])
@pytest.mark.parametrize("case", CASES)
def test_a_value_that_does_not_fit_is_dropped_if_its_field_is_left_out(
    serve, run_tap, tmp_path, case, batch
):
    chosen, options = CASES[case]
    sandbox = serve(conversations=3, days=5)
    for record in (CONVERSATION, MESSAGE):
        sandbox.behaviour.faults.append(Odd(", ".join([json.dumps(record)] * 3)))
    for rows in ([AGENT, AGENT], ENTRIES):
        sandbox.behaviour.api_faults.append(Refusal(200, body=json.dumps({"data": rows})))
    batches = {"batch_config": batch_config(tmp_path)} if batch else {}
    config = settings(sandbox, **options, **batches)
    run = checks.succeeded(run_tap(config, catalog=chosen or catalog(*STREAMS)))
    output = emitted(run).replace('": "', '":"')
    assert UUID in output
    assert PERSON not in output
    assert PERSON not in run.log
    # With a map, no value that does not fit moves; without, those of other fields do.
    for value in ('"closed_at":"soon"', '"duration":"long"', '"createdAt":"soon"'):
        assert (value in output) == ("stream_maps" not in options)
    assert output.count('"new":"field"') >= 4
    for line in ("messages: field author_email ", "messages: field form"):
        (warning,) = (text for text in run.log.splitlines() if line in text)
        assert "dropped, because the catalog deselects or lacks the field" in warning


@pytest.mark.parametrize(
    "messages",
    [
        {"additional_properties": "__NULL__"},
        {"additional_properties": None},
        {"id": "id", "created_at": "created_at", "__else__": None},
        {
            **{name: name for name in ("id", "created_at", "additional_properties")},
            "__else__": None,
        },
    ],
    ids=["null", "removed", "not among those that are kept", "kept alone"],
)
def test_a_map_that_drops_what_it_does_not_name_drops_new_fields(serve, run_tap, messages):
    sandbox = serve(conversations=3, days=5)
    sandbox.behaviour.faults.append(Odd(json.dumps({**MESSAGE, "new": PERSON})))
    config = settings(sandbox, stream_maps={"messages": messages})
    run = checks.succeeded(run_tap(config, catalog=catalog("messages")))
    assert PERSON not in run.output
    assert "messages: field new is not in the schema; its values are dropped, because" in run.log
    assert "in additional_properties" not in run.log

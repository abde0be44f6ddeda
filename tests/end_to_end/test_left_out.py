"""What a catalog or a stream map leaves out or changes does not arrive by another way."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import DAY, NOON, catalog, settings
from tests.end_to_end import checks
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
AGENT = {"id": "5", "email": [PERSON], "middleNames": [{"a": PERSON}], "createdAt": "soon"}
AGENT["new"] = "field"
ENTRY = {
    "new": "field",
    "id": UUID,
    "activityTimestamp": "2026-03-09T00:00:00Z",
    "conversationId": 1.5,
}
ENTRIES = [
    {**ENTRY, "author": {"id": "6", "email": [PERSON]}},
    {**ENTRY, "author": PERSON},
    {**ENTRY, "author": {"id": "6", "email": {"a": PERSON}}},
]

FIELDS = {
    "conversations": ["requester_email", "ratings", "tags_info"],
    "messages": ["author_email", "author_name", "formSubmission"],
    "agents": ["email", "middleNames"],
    "activity_logs": ["author.email"],
}
HASH = "str(sha256(str(self).lower())) if self else None"


def breadcrumb(field):
    return [part for name in field.split(".") for part in ("properties", name)]


def deselected():
    chosen = deepcopy(catalog(*STREAMS))
    for entry in chosen["streams"]:
        crumbs = [breadcrumb(field) for field in FIELDS[entry["tap_stream_id"]]]
        entry["metadata"] = [item for item in entry["metadata"] if item["breadcrumb"] not in crumbs]
        entry["metadata"] += [{"breadcrumb": c, "metadata": {"selected": False}} for c in crumbs]
    return chosen


def missing():
    chosen = deepcopy(catalog(*STREAMS))
    for entry in chosen["streams"]:
        for field in FIELDS[entry["tap_stream_id"]]:
            *parents, name = field.split(".")
            part = entry["schema"]
            for parent in parents:
                part = part["properties"][parent]
            del part["properties"][name]
        crumbs = [breadcrumb(field) for field in FIELDS[entry["tap_stream_id"]]]
        entry["metadata"] = [item for item in entry["metadata"] if item["breadcrumb"] not in crumbs]
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

CASES = {
    "deselected": (deselected(), {}),
    "not in the catalog": (missing(), {}),
    "not in the catalog, filtered by a map": (missing(), FILTERED),
    "removed by a map": (None, maps(removed=True)),
    "changed by a map": (None, maps(removed=False)),
    "named by a map": (None, NAMED),
    "filtered by a map": (None, FILTERED),
}


def page(*rows):
    body = json.dumps({"data": rows})
    return Refusal(200, {"Content-Type": "application/json"}, body)


def batches(folder):
    storage = {"root": folder.as_uri()}
    encoding = {"format": "jsonl", "compression": "none"}
    return {"batch_config": {"encoding": encoding, "storage": storage}}


def emitted(run):
    """Give all that was written, to standard output and to BATCH files."""
    files = [Path(urlsplit(url).path) for m in run.of("BATCH") for url in m["manifest"]]
    return "".join([run.output, *[file.read_text() for file in files]])


@pytest.mark.parametrize("batch", [False, True], ids=["records", "batch"])
@pytest.mark.parametrize("case", CASES)
def test_a_value_that_does_not_fit_is_dropped_if_its_field_is_left_out(
    serve, run_tap, tmp_path, case, batch
):
    chosen, options = CASES[case]
    sandbox = serve(conversations=3, days=5)
    for record in (CONVERSATION, MESSAGE):
        sandbox.behaviour.faults.append(Odd(", ".join([json.dumps(record)] * 3)))
    sandbox.behaviour.api_faults.extend([page(AGENT, AGENT), page(*ENTRIES)])
    is_mapped = "stream_maps" in options
    options = {**options, **(batches(tmp_path) if batch else {})}
    run = run_tap(settings(sandbox, **options), catalog=chosen or catalog(*STREAMS))
    checks.succeeded(run)
    output = emitted(run)
    assert UUID in output
    assert PERSON not in output
    assert PERSON not in run.log
    # With a map, no value that does not fit moves; without, those of other fields do.
    for value in ('"closed_at":"soon"', '"duration":"long"', '"createdAt":"soon"'):
        assert (value in output.replace('": "', '":"')) != is_mapped
    assert output.replace('": "', '":"').count('"new":"field"') >= 4
    for line in ("messages: field author_email ", "messages: field form"):
        (warning,) = (text for text in run.log.splitlines() if line in text)
        assert "dropped, because the catalog deselects or lacks the field" in warning


@pytest.mark.parametrize("definition", ["__NULL__", None])
def test_a_map_that_removes_the_column_is_what_the_warnings_say(serve, run_tap, definition):
    sandbox = serve(conversations=3, days=5)
    sandbox.behaviour.faults.append(Odd(json.dumps({**MESSAGE, "new": PERSON})))
    maps = {"messages": {"additional_properties": definition}}
    run = run_tap(settings(sandbox, stream_maps=maps), catalog=catalog("messages"))
    checks.succeeded(run)
    assert PERSON not in run.output
    fate = "dropped, because the catalog or a stream map removes additional_properties"
    assert f"messages: field new is not in the schema; its values are {fate}" in run.log
    assert "in additional_properties" not in run.log


@pytest.mark.parametrize("kept", ["additional_properties", None])
def test_a_map_that_drops_what_it_does_not_name_drops_new_fields(serve, run_tap, kept):
    sandbox = serve(conversations=3, days=5)
    sandbox.behaviour.faults.append(Odd(json.dumps({**MESSAGE, "new": PERSON})))
    names = {"id", "created_at", *([kept] if kept else [])}
    maps = {"messages": {**{name: name for name in names}, "__else__": None}}
    run = run_tap(settings(sandbox, stream_maps=maps), catalog=catalog("messages"))
    checks.succeeded(run)
    assert PERSON not in run.output
    assert "in additional_properties" not in run.log

"""Values of other types than documented: every record that leaves satisfies its SCHEMA."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from jsonschema import Draft202012Validator

from tests.conftest import DAY, NOON, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.odd_rows import deselected, page
from tests.end_to_end.slowly import both_selections
from tests.faults import Odd

UPDATED = NOON - 10 * DAY
UUID = "00000000-0000-4000-8000-000000000000"
STREAMS = ("conversations", "messages", "agents", "queue_members", "activity_logs")

# What Dixa sends, field by field; what the field has then; what additional_properties has.
CONVERSATION = {
    "total_duration": ('"123"', 123, None),
    "handling_duration": ("1.5", None, 1.5),
    "exports_handling_duration": ("1000.0", 1000, None),
    "exports_first_response_time": ("9223372036854775808", None, "9223372036854775808"),
    "rating_score": ('"5"', 5, None),
    "created_at": ("1e400", None, "1e400"),
    "closed_at": ("1767571200000000", None, 1767571200000000),
    "queued_at": ('""', None, ""),
    "assigned_at": ("true", None, True),
    "transfer_time": ('"2026-01-05T10:00:00.5Z[GMT]"', "2026-01-05T10:00:00.500Z", None),
    "last_message_created_at": ('"20260105"', "2026-01-05T00:00:00.000Z", None),
    "anonymized_at": ('"12026-01-05T10:00:00Z"', None, "12026-01-05T10:00:00Z"),
    "subject": ("7", "7", None),
    "requester_name": ('{"first": "Jane"}', None, {"first": "Jane"}),
    "tags": ('[{"a": 1}, "b"]', None, [{"a": 1}, "b"]),
    "tags_info": ("[null]", None, [None]),
    "custom_fields": (
        '[{"identifier": 1, "value": [1, 1e400]}]',
        [{"identifier": "1", "value": ["1", "1e400"]}],
        None,
    ),
    "ratings": (
        '[{"rating_score": 4.5, "rating_rated_timestamp": 1e400}, {"rating_score": 5.0}]',
        [{"rating_score": None, "rating_rated_timestamp": None}, {"rating_score": 5}],
        None,
    ),
}
RATINGS = {"ratings.0.rating_score": 4.5, "ratings.0.rating_rated_timestamp": "1e400"}
MESSAGE = {
    "csid": ('"7"', 7, None),
    "text": ("5", "5", None),
    "author_name": ("[]", None, []),
    "to": ("5", ["5"], None),
    "is_automated_message": ("1", None, 1),
    "duration": ("-9223372036854775809", None, "-9223372036854775809"),
    "formSubmission": ('{"n": [1e400]}', {"n": ["1e400"]}, None),
    "brandNew": ("1e400", None, "1e400"),
}
AGENT = {
    "id": ("5", "5", None),
    "createdAt": ('"soon"', None, "soon"),
    "displayName": ("1e400", "1e400", None),
    "roles": ("7", ["7"], None),
    "middleNames": ("[{}]", None, [{}]),
}
MEMBER = {
    "queueId": ("5", "5", None),
    "agentId": ("6", "6", None),
    "priority": ('"high"', None, "high"),
}
ENTRY = {
    "conversationId": ("1.5", None, 1.5),
    "author": ('{"id": 5, "name": []}', {"id": "5", "name": None}, None),
    "attributes": ('{"n": 9223372036854775808}', {"n": "9223372036854775808"}, None),
}
NOTE = {
    "id": ("5", "5", None),
    "csid": ('"7"', 7, None),
    "createdAt": ("true", None, True),
    "message": ("5", "5", None),
}


def sent(fields, **own):
    """Spell a record."""
    texts = {**{name: json.dumps(value) for name, value in own.items()}}
    texts |= {name: text for name, (text, _, _) in fields.items()}
    return "{" + ", ".join(f'"{name}": {text}' for name, text in texts.items()) + "}"


def wanted(fields, nested=None, **own):
    """Give the record that it must become, without what is null."""
    extras = {name: extra for name, (_, _, extra) in fields.items() if extra is not None}
    record = {**own, **{name: value for name, (_, value, _) in fields.items()}}
    return checks.plain({**record, "additional_properties": {**extras, **(nested or {})}})


CONVERSATION_SENT = sent(CONVERSATION, id=1, updated_at=UPDATED)
MESSAGE_SENT = sent(MESSAGE, id=UUID, created_at=UPDATED)
ENTRY_SENT = sent(ENTRY, id=UUID, activityTimestamp="2026-03-01T00:00:00Z")
WANTED = {
    "conversations": wanted(CONVERSATION, RATINGS, id=1, updated_at=checks.expected.iso(UPDATED)),
    "messages": wanted(MESSAGE, id=UUID, created_at=checks.expected.iso(UPDATED)),
    "agents": wanted(AGENT),
    "queue_members": wanted(MEMBER),
    "activity_logs": wanted(
        ENTRY, {"author.name": []}, id=UUID, activityTimestamp="2026-03-01T00:00:00.000Z"
    ),
}


def drifting(serve):
    """Serve every stream a record twice, so that each of its fields drifts."""
    sandbox = serve(conversations=3, days=20)
    sandbox.behaviour.faults.extend(
        [Odd(f"{CONVERSATION_SENT}, {CONVERSATION_SENT}"), Odd(f"{MESSAGE_SENT}, {MESSAGE_SENT}")]
    )
    sandbox.behaviour.api_faults.extend(
        [
            page(sent(AGENT), sent(AGENT)),
            page('{"id": 5, "name": {"a": 1}}'),
            page(*[sent({name: MEMBER[name] for name in ("agentId", "priority")})] * 2),
            page(ENTRY_SENT, ENTRY_SENT),
        ]
    )
    return sandbox


def records_of(run, stream):
    """Give a stream's records, from its messages or from its BATCH files."""
    files = [Path(urlsplit(url).path) for m in run.of("BATCH", stream) for url in m["manifest"]]
    lines = [line for file in files for line in file.read_text().splitlines()]
    return run.records(stream) + [json.loads(line) for line in lines]


@pytest.mark.parametrize("batch", [False, True], ids=["records", "batch"])
@both_selections
def test_every_record_satisfies_its_schema_and_loses_nothing(
    serve, run_tap, tmp_path, select, batch
):
    options = {}
    if batch:
        encoding = {"format": "jsonl", "compression": "none"}
        config = {"encoding": encoding, "storage": {"root": tmp_path.as_uri()}}
        options = {"batch_config": config}
    sandbox = drifting(serve)
    run = checks.succeeded(run_tap(settings(sandbox, **options), catalog=select(*STREAMS)))
    for stream in STREAMS:
        records = records_of(run, stream)
        (schema,) = run.of("SCHEMA", stream)
        validator = Draft202012Validator(schema["schema"])
        assert [error.message for r in records for error in validator.iter_errors(r)] == []
        assert [checks.plain(r) for r in records].count(WANTED[stream]) == 2
    warnings = checks.warnings(run)
    moved = {
        (stream, name)
        for stream, record in WANTED.items()
        for name in record.get("additional_properties", {})
    }
    assert len(warnings) == len(moved)
    for line in (
        "conversations: field closed_at of record 1 is an integer, which",
        "conversations: field queued_at of record 1 is a string, which its schema does not",
        "conversations: field ratings[].rating_score of record 1 is a number, which",
        f"messages: field duration of record {UUID} is a string, which",
        "agents: field createdAt of record 5 is a string, which its schema does not allow; such va",
        "queue_members: field priority of record 5, 6 is a string",
    ):
        assert sum(line in warning for warning in warnings) == 1
    assert "Jane" not in run.log


def test_notes_too(serve, run_tap):
    sandbox = serve(conversations=8, days=20)
    sandbox.behaviour.api_faults.append(page(sent(NOTE), sent(NOTE)))
    run = checks.succeeded(run_tap(settings(sandbox), catalog=catalog("conversation_notes")))
    checks.fits_its_schema(run, "conversation_notes")
    found = [checks.plain(r) for r in run.records("conversation_notes") if r["id"] == "5"]
    assert [{**record, "conversationUpdatedAt": None} for record in found] == [
        {**wanted(NOTE), "conversationUpdatedAt": None}
    ] * 2
    assert run.log.count("WARNING") == 1


def test_without_the_column_the_values_are_dropped_with_a_warning(serve, run_tap):
    sandbox = serve(conversations=8, days=20)
    sandbox.behaviour.faults.append(Odd(CONVERSATION_SENT))
    sandbox.behaviour.api_faults.extend([page(sent(AGENT)), page(sent(NOTE)), page(sent(NOTE))])
    chosen = deselected("conversations", "agents", "conversation_notes")
    run = checks.succeeded(run_tap(settings(sandbox), catalog=chosen))
    dropped = "which its schema does not allow; such values are dropped, because the catalog or a"
    for stream, field in (
        ("conversations", "closed_at"),
        ("agents", "createdAt"),
        ("conversation_notes", "createdAt"),
    ):
        checks.fits_its_schema(run, stream)
        records = run.records(stream)
        assert all("additional_properties" not in record for record in records)
        assert any(field in record and record[field] is None for record in records)
        (line,) = (text for text in run.log.splitlines() if f"{stream}: field {field} of" in text)
        assert dropped in line


def test_a_key_that_cannot_be_used_fails_its_stream_in_one_line(serve, run_tap):
    sandbox = serve(conversations=8, days=20)
    sandbox.behaviour.api_faults.append(page('{"id": {"a": 1}, "displayName": {}}'))
    run = run_tap(settings(sandbox), catalog=catalog("agents"))
    assert "agents: Dixa sent a row whose id cannot be used" in checks.failed(run)
    assert "field id" not in run.log

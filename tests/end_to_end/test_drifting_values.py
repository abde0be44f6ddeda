"""Values of other types than documented: every record that leaves satisfies its SCHEMA.

That this holds for any value in any field shows `test_schema_conformance.py`.
"""

import json

import pytest

from tests import expected
from tests.conftest import HOUR, NOON, SDK_PATH, catalog
from tests.end_to_end import checks
from tests.end_to_end.batches import batch_config, emitted
from tests.end_to_end.odd_rows import UUID, both_selections, listed, page
from tests.faults import Odd

AT = NOON - HOUR
ZONED, TIME = "2025-01-01T08:00:00.5Z[GMT]", "2025-01-01T08:00:00.500Z"
QUOTED = f'She said "{ZONED}'

# What Dixa sends, field by field; what the field has then; what additional_properties has.
DRIFTING = {
    "conversations": {
        "id": ("1", 1, None),
        "updated_at": (f"{AT}", expected.iso(AT), None),
        "total_duration": ('"123"', 123, None),
        "created_at": ("1e400", None, "1e400"),
        "closed_at": ("1767571200000000", None, 1767571200000000),
        "queued_at": ('""', None, ""),
        "requester_name": ('{"first": "Jane"}', None, {"first": "Jane"}),
        "ratings": ('[{"rating_score": 4.5}]', [{"rating_score": None}], None),
        "ratings.0.rating_score": (None, None, 4.5),
    },
    "messages": {
        "id": (f'"{UUID}"', UUID, None),
        "created_at": (f"{AT}", expected.iso(AT), None),
        "csid": ('"7"', 7, None),
        "to": ("5", ["5"], None),
        "duration": ("-9223372036854775809", None, "-9223372036854775809"),
        "brandNew": ("1e400", None, "1e400"),
    },
    "agents": {
        "id": ("5", "5", None),
        "createdAt": ('"soon"', None, "soon"),
        "firstName": (f'"{ZONED}"', ZONED, None),
    },
    "tags": {"id": ('"1"', "1", None), "new": (f'["{ZONED}"]', None, [ZONED])},
    "activity_logs": {
        "id": (f'"{UUID}"', UUID, None),
        "activityTimestamp": (f'"{expected.iso(AT)}[GMT]"', expected.iso(AT), None),
        "author": ('{"id": 5, "name": []}', {"id": "5", "name": None}, None),
        "author.name": (None, None, []),
        "attributes": (json.dumps({"note": QUOTED}), {"note": QUOTED}, None),
    },
}


def sent(stream):
    """Spell a record twice."""
    texts = {name: text for name, (text, _, _) in DRIFTING[stream].items() if text}
    return ", ".join(["{" + ", ".join(f'"{name}": {texts[name]}' for name in texts) + "}"] * 2)


def wanted(stream):
    """Give the record that it must become, without what is null."""
    extras = {name: extra for name, (*_, extra) in DRIFTING[stream].items() if extra is not None}
    record = {name: value for name, (_, value, _) in DRIFTING[stream].items()}
    return checks.plain({**record, "additional_properties": extras or None})


@pytest.fixture
def drifting(account_of):
    """Give an account whose streams each have a record twice, so that each of its fields drifts."""
    exports = [Odd(sent(stream)) for stream in expected.STREAMS]
    rows = [page(sent(stream)) for stream in ("agents", "tags", "activity_logs")]
    config = {"parallel_downloads": 1}
    return account_of(conversations=3, days=20, config=config, faults=exports, api_faults=rows)


@pytest.mark.parametrize("batch", [False, True], ids=["records", "batch"])
@both_selections
def test_every_record_satisfies_its_schema_and_loses_nothing(drifting, tmp_path, select, batch):
    options = {"batch_config": batch_config(tmp_path)} if batch else {}
    run = checks.succeeded(drifting.sync(chosen=select(*DRIFTING), **options))
    for stream in DRIFTING:
        records = emitted(run, stream)
        checks.fits_its_schema(run, stream, records)
        assert [checks.plain(r) for r in records].count(wanted(stream)) == 2, stream
    moved = [wanted(stream).get("additional_properties", ()) for stream in DRIFTING]
    lines = checks.warnings(run)
    assert len(lines) == sum(map(len, moved))
    for said in (
        "conversations: field closed_at of record 1 is an integer, which",
        "conversations: field ratings[].rating_score of record 1 is a number, which",
        f"messages: field duration of record {UUID} is a string, which",
        "agents: field createdAt of record 5 is a string, which its schema does not allow; such va",
    ):
        assert sum(said in line for line in lines) == 1
    assert "Jane" not in run.log


def test_a_key_that_cannot_be_used_fails_its_stream_in_one_line(account_of):
    row = listed({"id": {"a": 1}, "displayName": {}})
    run = account_of("agents", conversations=8, days=20, api_faults=[row]).sync()
    assert "agents: Dixa sent a row whose id cannot be used" in checks.failed(run)
    assert "field id" not in run.log


TEXT = {"type": ["string", "null"]}
FOLLOWED = {
    "as texts, one of them a key": {"total_duration": TEXT, "id": {"type": "string"}},
    "never null": {"subject": {"type": "string"}, "total_duration": {"type": "integer"}},
    "several types": {"subject": {"type": ["boolean", "integer", "object", "string", "null"]}},
    "a text as an array": {"subject": {"type": ["array", "null"], "items": {"type": "string"}}},
    "a text as a time": {"subject": {**TEXT, "format": "date-time"}},
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
    "a column of the user's": {"brandNewField": {**TEXT, "x-sql-datatype": "text"}},
}


@pytest.mark.parametrize("options", [{}, SDK_PATH], ids=["fast path", "SDK path"])
@pytest.mark.parametrize("fields", FOLLOWED.values(), ids=FOLLOWED)
def test_what_the_tap_follows_holds_for_every_record(account_of, fields, options):
    chosen = json.loads(json.dumps(catalog("conversations")))
    chosen["streams"][0]["schema"]["properties"].update(fields)
    run = checks.succeeded(account_of(new_fields=True).sync(chosen=chosen, **options))
    assert len(run.records("conversations")) == 100
    checks.fits_its_schema(run, "conversations")

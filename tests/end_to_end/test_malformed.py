"""Responses that are arrays, with something in them that does not belong there."""

from __future__ import annotations

import json

import pytest

from tests import expected
from tests.conftest import DAY, NOON, both_paths, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.odd_rows import page
from tests.faults import Odd, Refusal

CREATED = NOON - 10 * DAY
UUID = "00000000-0000-4000-8000-000000000000"


def message(**fields) -> str:
    """Spell a message; None leaves a field out, and texts that begin with = are not quoted."""
    record = {"id": UUID, "csid": 7, "created_at": CREATED, "text": "odd", **fields}
    pairs = (
        f"{json.dumps(name)}: {value[1:] if str(value).startswith('=') else json.dumps(value)}"
        for name, value in record.items()
        if value is not None
    )
    return "{" + ", ".join(pairs) + "}"


STOPPING = {
    "no id": (message(id=None), "`id`"),
    "an id of another type": (message(id=12), "Expected `str`, got `int`"),
    "an id that is no text": (message(id="\udcff").replace("\\udcff", "\udcff"), "utf-8"),
    "no cursor": (message(created_at=None), "`created_at`"),
    "a cursor that is a text": (message(created_at="2026-03-01"), "Expected `int`, got `str`"),
    "a cursor in the year 50000": (
        message(created_at=1_515_675_600_000_000),
        "is not a valid timestamp",
    ),
    "not an object": ("7", "Expected `object`, got `int`"),
    "nested a million deep": (message(x="=" + "[" * 1_000_000 + "]" * 1_000_000), "too deeply"),
}


@pytest.mark.parametrize(("text", "said"), STOPPING.values(), ids=STOPPING)
def test_what_cannot_be_used_stops_the_run_before_its_window(serve, run_tap, text, said, evidence):
    sandbox = serve(days=20)
    config = settings(sandbox, window_days=7, parallel_downloads=1)
    sandbox.behaviour.faults.extend([None, None, None, None, Odd(text)])
    run = run_tap(config)
    line = checks.failed(run)
    assert said in line
    assert "messages: 2026-02-26T00:00:00.000Z to 2026-03-05T00:00:00.000Z: " in line
    assert len(line) < 500
    before = expected.records(sandbox.data, "messages", 0, NOON - 13 * DAY - DAY // 2)
    checks.emitted_exactly(run, "messages", before)
    assert run.bookmark("messages") == max(record["created_at"] for record in before.values())
    evidence("malformed records that stopped the run in one line")


def kept(**fields):
    record = {"id": UUID, "csid": 7, "created_at": CREATED, "text": "odd", **fields}
    return [{**record, "created_at": expected.iso(record["created_at"])}]


def extra(fields):
    return {"additional_properties": fields}


DEEP = json.loads("[" * 500 + "]" * 500)
KEPT = {
    "half a character": (message(text='="cut \\ud83d"'), kept(text="cut \ufffd"), "U+FFFD"),
    "the other half": (message(text='="\\udc4d cut"'), kept(text="\ufffd cut"), "U+FFFD"),
    "half a character in a name": (
        message(text='="x", "\\ud83d": "y"'), kept(text="x", **extra({"\ufffd": "y"})), "U+FFFD"
    ),
    "bytes that are no UTF-8": (
        message(text='="caf\udce9 \udcf0\udc9f"'), kept(text="caf\ufffd \ufffd"), "U+FFFD"
    ),
    "an emoji as escapes": (message(text='="\\ud83d\\udc4d"'), kept(text="👍"), None),
    "a name twice": (message(text='="first", "text": "last"'), kept(text="last"), None),
    "a cursor twice": (
        message(created_at=f'=1, "created_at": {CREATED}'), kept(), None
    ),
    "the same record twice": (f"{message()}, {message()}", kept() * 2, None),
    "the same id twice": (
        f"{message(created_at=CREATED + 5, text='new')}, {message()}",
        kept() + kept(created_at=CREATED + 5, text="new"),
        None,
    ),
    "a record of another window": (message(created_at=CREATED - 7 * DAY // 8), kept(
        created_at=CREATED - 7 * DAY // 8), None),
    "a record that changed meanwhile": (message(created_at=NOON + 4 * DAY // 24), [], None),
    "nested 500 deep": (
        message(x="=" + "[" * 500 + "]" * 500), kept(**extra({"x": DEEP})), "field x"
    ),
    "an unknown field": (message(x=1), kept(**extra({"x": 1})), "field x"),
    "U+0000": (message(text='="a\\u0000b"'), kept(text="a\ufffdb"), "U+FFFD"),
    "a time as a text": (message(csid='="7"'), kept(csid=7), None),
    "spaces and line ends": (message().replace(", ", " ,\r\n\t "), kept(), None),
}  # fmt: skip


@both_paths
def test_what_can_be_used_is_kept(serve, run_tap, options, evidence):
    sandbox = serve(days=20)
    sandbox.behaviour.faults.extend([None, Odd(", ".join(text for text, _, _ in KEPT.values()))])
    run = checks.succeeded(run_tap(settings(sandbox, **options)))
    found = [r for r in run.records("messages") if r["id"] == UUID]
    # Where a stream map or flattening looks at the records, what Dixa leaves out is null.
    plain = [checks.plain(record) for record in found]
    odd = [record for _, records, _ in KEPT.values() for record in records]
    assert plain == sorted(odd, key=lambda record: record["created_at"])
    others = {r["id"]: r for r in run.records("messages") if r["id"] != UUID}
    assert others.keys() == expected.records(sandbox.data, "messages").keys()
    warnings = checks.warnings(run)
    for said in {said for _, _, said in KEPT.values()} - {None}:
        assert any(said in line for line in warnings)
    assert all("U+FFFD" in line or "is not in the schema" in line for line in warnings)
    right = [all(record in plain for record in records) for _, records, _ in KEPT.values()]
    evidence("malformed records that were kept, repaired or passed on", sum(right))


@pytest.mark.slow
def test_a_text_of_50_megabytes_arrives(serve, run_tap, evidence):
    sandbox = serve(days=20)
    text = 'ä🎉\\"}, {' + "x" * 50_000_000
    sandbox.behaviour.faults.extend([None, Odd(message(text=text))])
    run = checks.succeeded(run_tap(settings(sandbox)))
    (found,) = (r for r in run.records("messages") if r["id"] == UUID)
    assert found["text"] == text
    assert len(run.records("messages")) == 1 + len(expected.records(sandbox.data, "messages"))
    evidence("malformed records that were kept, repaired or passed on")


ODD = r'"a": "Jo \ud83d", "b": ["\uD83D\n"], "c": "\udc4d\u0000"', '"d": "caf\udcff"'
REPAIRED = {"a": "Jo \ufffd", "b": ["\ufffd\n"], "c": "\ufffd\ufffd", "d": "caf\ufffd"}


@both_paths
def test_texts_that_no_target_can_store_are_repaired_in_pages(serve, run_tap, options, evidence):
    sandbox = serve(conversations=4, days=20)
    time = expected.iso(CREATED)
    rows = {
        "agents": f'"id": "a1", {ODD[1]}, {ODD[0]}',
        "tags": r'"id": "t1", "a": "Jo \uD83D"',
        "queues": f'"id": "q1", {ODD[0]}',
        "queue_members": f'"agentId": "a1", {ODD[0]}',
        "activity_logs": f'"id": "{UUID}", "activityTimestamp": "{time}", {ODD[0]}',
        "conversation_notes": f'"id": "{UUID}", {ODD[1]}',
    }
    pages = ["agents", "queues", "queue_members", "tags", "activity_logs", "conversation_notes"]
    *answers, last = [page(f"{{{rows[stream]}}}") for stream in pages]
    marked = Refusal(200, body=f"\ufeff{last.body}")  # a byte order mark, as some programs write
    sandbox.behaviour.api_faults.extend([*answers, marked])
    run = run_tap(
        settings(sandbox, parallel_downloads=1, **options),
        catalog=catalog(*rows.keys() - {"queues"}),
    )
    checks.succeeded(run)
    warnings = [line for line in run.log.splitlines() if "U+FFFD" in line]
    for stream in rows.keys() - {"queues"}:
        extra = run.records(stream)[0]["additional_properties"]
        assert extra == {name: REPAIRED[name] for name in extra}, stream
        assert extra.keys() == {name for name in REPAIRED if f'"{name}": ' in rows[stream]}
        assert any(f"{stream}: /v1/" in line for line in warnings), stream
    evidence("malformed records that were kept, repaired or passed on", len(rows))

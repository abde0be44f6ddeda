"""Responses that are arrays, with something in them that does not belong there."""

import json

import pytest

from tests import expected
from tests.conftest import DAY, EXPORTS, NOON, both_paths
from tests.end_to_end import checks
from tests.end_to_end.odd_rows import UUID, page
from tests.faults import Odd, Refusal

CREATED = NOON - 10 * DAY


def message(**fields):
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
    "an id that is no text": (message(id="\udcff").replace("\\udcff", "\udcff"), "UTF-8"),
    "no cursor": (message(created_at=None), "`created_at`"),
    "not an object": ("7", "Expected `object`, got `int`"),
    "nested a million deep": (message(x="=" + "[" * 1_000_000 + "]" * 1_000_000), "too deeply"),
}


@pytest.mark.parametrize(("text", "said"), STOPPING.values(), ids=STOPPING)
def test_what_cannot_be_used_stops_the_run_before_its_window(account_of, text, said):
    config = {"window_days": 7, "parallel_downloads": 1}
    faults = [None, None, None, None, Odd(text)]
    account = account_of(*EXPORTS, config=config, days=20, faults=faults)
    run = account.sync()
    line = checks.failed(run)
    assert said in line
    assert "messages: 2026-02-26T00:00:00.000Z to 2026-03-05T00:00:00.000Z: " in line
    assert len(line) < 500
    before = expected.records(account.data, "messages", 0, NOON - 13 * DAY - DAY // 2)
    checks.emitted_exactly(run, "messages", before)
    checks.bookmark_is_the_newest_emitted(run, "messages")


def kept(created_at=CREATED, text="odd", **extra):
    """Give what a message becomes: with a text, and with what its fields do not hold."""
    record = {"id": UUID, "csid": 7, "created_at": expected.iso(created_at), "text": text}
    return [{**record, "additional_properties": extra} if extra else record]


EARLIER = CREATED - 7 * DAY // 8
KEPT = {
    "half a character": (message(text='="cut \\ud83d"'), kept(text="cut \ufffd")),
    "the other half": (message(text='="\\udc4d cut"'), kept(text="\ufffd cut")),
    "half a character in a name": (
        message(text='="x", "\\ud83d": "y"'), kept(text="x", **{"\ufffd": "y"})
    ),
    "bytes that are no UTF-8": (
        message(text='="caf\udce9 \udcf0\udc9f"'), kept(text="caf\ufffd \ufffd")
    ),
    "U+0000": (message(text='="a\\u0000b"'), kept(text="a\ufffdb")),
    "the same record twice": (f"{message()}, {message()}", kept() * 2),
    "the same id twice": (
        f"{message(created_at=CREATED + 5, text='new')}, {message()}",
        kept() + kept(CREATED + 5, "new"),
    ),
    "a record of another window": (message(created_at=EARLIER), kept(EARLIER)),
    "a record that changed meanwhile": (message(created_at=NOON + 4 * DAY // 24), []),
}  # fmt: skip


@both_paths
def test_what_can_be_used_is_kept(account_of, options):
    odd = Odd(", ".join(text for text, _ in KEPT.values()))
    account = account_of(*EXPORTS, config=options, days=20, faults=[None, odd])
    run = checks.succeeded(account.sync())
    found = [checks.plain(r) for r in run.records("messages") if r["id"] == UUID]
    wanted = [record for _, records in KEPT.values() for record in records]
    assert found == sorted(wanted, key=lambda record: record["created_at"])
    others = {r["id"] for r in run.records("messages")} - {UUID}
    assert others == expected.records(account.data, "messages").keys()
    warnings = checks.warnings(run)
    assert any("U+FFFD" in line for line in warnings)
    assert all("U+FFFD" in line or "is not in the schema" in line for line in warnings)


@pytest.mark.slow
def test_a_text_of_50_megabytes_arrives(account_of):
    text = 'ä🎉\\"}, {' + "x" * 50_000_000
    account = account_of(*EXPORTS, days=20, faults=[None, Odd(message(text=text))])
    run = checks.succeeded(account.sync())
    assert [r["text"] for r in run.records("messages") if r["id"] == UUID] == [text]
    assert len(run.records("messages")) == 1 + len(expected.records(account.data, "messages"))


ODD = r'"a": "Jo \ud83d", "b": ["\uD83D\n"], "c": "\udc4d\u0000", "d": "caf' + '\udcff"'
REPAIRED = {"a": "Jo \ufffd", "b": ["\ufffd\n"], "c": "\ufffd\ufffd", "d": "caf\ufffd"}
ROWS = {
    "agents": '"id": "a1"',
    "queues": '"id": "q1"',
    "queue_members": '"agentId": "a1"',
    "tags": '"id": "t1"',
    "activity_logs": f'"id": "{UUID}", "activityTimestamp": "{expected.iso(CREATED)}"',
    "conversation_notes": f'"id": "{UUID}"',
}


@both_paths
def test_texts_that_no_target_can_store_are_repaired_in_pages(account_of, options):
    *answers, last = [page(f"{{{keys}, {ODD}}}") for keys in ROWS.values()]
    marked = Refusal(200, body=f"\ufeff{last.body}")  # a byte order mark, as some programs write
    streams = ROWS.keys() - {"queues"}
    config = {"parallel_downloads": 1, **options}
    api_faults = [*answers, marked]
    account = account_of(*streams, config=config, conversations=4, days=20, api_faults=api_faults)
    run = checks.succeeded(account.sync())
    warnings = [line for line in checks.warnings(run) if "U+FFFD" in line]
    for stream in streams:
        assert run.records(stream)[0]["additional_properties"] == REPAIRED, stream
        assert any(f"{stream}: /v1/" in line for line in warnings), stream

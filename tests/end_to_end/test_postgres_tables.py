"""The tables that `load_postgres.py` makes: names, types and keys, and what it refuses."""

from __future__ import annotations

import subprocess
from datetime import datetime

import psycopg
import pytest

from tests.end_to_end.loading import Postgres, announced


def commanded(database, messages, folder):
    """Run the script with a command that writes messages; give its status and its log."""
    (folder / "messages").write_text(messages)
    command = Postgres(database).recipe("sh", "-c", "cat messages")
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    return done.returncode, done.stderr


@pytest.mark.slow
def test_names_that_postgres_would_cut_or_could_confuse_keep_their_values(
    postgres, tmp_path, evidence
):
    long = "deeply__nested__" * 5
    kinds = {
        "text": ({"type": ["string", "null"]}, "it's", "it's"),
        "number": ({"type": ["integer", "null"]}, 2**60, 2**60),
        "time": (
            {"type": ["string", "null"], "format": "date-time"},
            "2026-01-02T03:04:05.678Z",
            datetime(2026, 1, 2, 3, 4, 5, 678_000),  # noqa: DTZ001 (a timestamp in UTC)
        ),
        "list": ({"type": ["array", "null"]}, ["null", None], ["null", None]),
        "any": ({}, "a text", "a text"),
    }
    cases = {f"{long}{name}": case for name, case in kinds.items()}
    cases |= dict.fromkeys(
        ("Text", "text", "é" * 32, "é" * 33, "x" * 62 + "é", "x" * 63, "x" * 64), kinds["text"]
    )
    cases |= {f"{long}%s\"'\\é": kinds["text"], "%s\"'\\": kinds["number"]}
    fields = {"id": {"type": "integer"}} | {name: case[0] for name, case in cases.items()}
    records = [{"id": 1} | {name: case[1] for name, case in cases.items()}, {"id": 2}]
    records.append({"id": 3} | dict.fromkeys(cases))
    key = f"{long}text"
    streams = {f"{long}{number}": number for number in range(2)}
    for stream, number in streams.items():
        every = [{**record, key: f"{number}"} for record in records]
        for _ in range(2):
            messages = announced(tmp_path, fields, every, keys=["id", key], stream=stream)
            assert Postgres(postgres).load(messages) == 0
    wanted = [case[2] for name, case in cases.items() if name != key]
    empty = [None] * len(wanted)
    with psycopg.connect(postgres) as connection:
        tables = connection.execute(
            "select table_name from information_schema.tables where table_name ~ '^deeply'"
        ).fetchall()
        found = {}
        for (table,) in tables:
            rows = connection.execute(f'select * from dixa."{table}" order by id').fetchall()
            assert [row[0] for row in rows] == [1, 2, 3]
            (number,) = {row[1] for row in rows}
            found[number] = [list(row[2:-1]) for row in rows]
    assert found == {str(number): [wanted, empty, empty] for number in streams.values()}
    evidence("load_postgres.py: names that PostgreSQL cuts or confuses, kept", len(cases))


OTHERS = {
    "a key, by a map": ("bigint", "text", {"id": {"type": "string"}}),
    "a text": ("text", "bigint", {"text": {"type": ["integer", "null"]}}),
    "a time": (
        "text",
        "timestamp without time zone",
        {"text": {"type": "string", "format": "date-time"}},
    ),
    "a list": ("text", "jsonb", {"text": {"type": "array"}}),
    "a long name": ("text", "boolean", {"x" * 64: {"type": "boolean"}}),
}


@pytest.mark.slow
def test_a_schema_that_does_not_fit_its_table_is_refused_in_one_line(postgres, tmp_path, evidence):
    fields = {"id": {"type": "integer"}, "text": {"type": "string"}, "x" * 64: {"type": "string"}}
    records = [{"id": 1, "text": "1", "x" * 64: "long"}]
    assert commanded(postgres, announced(tmp_path, fields, records), tmp_path) == (0, "")
    lines = []
    for before, now, changed in OTHERS.values():
        messages = announced(tmp_path, {**fields, **changed}, [])
        status, log = commanded(postgres, messages, tmp_path)
        assert status == 1
        assert f"{before}, and the tap now sends {now}. Undo that change" in log
        lines.append(log)
    for keys, said in (([], "all has no primary key"), (["id", "text"], "primary key")):
        status, log = commanded(postgres, announced(tmp_path, fields, [], keys=keys), tmp_path)
        assert status == 1
        assert said in log
        lines.append(log)
    # What only PostgreSQL itself knows to refuse.
    messages = announced(tmp_path, {**fields, "ctid": {"type": "string"}}, [])
    assert commanded(postgres, messages, tmp_path)[1] == (
        'PostgreSQL: column name "ctid" conflicts with a system column name\n'
    )
    messages = announced(tmp_path, fields, [{"id": 1, "text": "a secret"}, {"id": 10**30}])
    assert commanded(postgres, messages, tmp_path)[1] == (
        f'PostgreSQL: value "{10**30}" is out of range for type bigint\n'
    )
    assert {line.count("\n") for line in lines} == {1}
    # What was dropped comes back with new rows; the others stay.
    with psycopg.connect(postgres) as connection:
        connection.execute('alter table dixa."all" drop column text')
    records = [{"id": 2, "text": "2"}]
    assert commanded(postgres, announced(tmp_path, fields, records), tmp_path) == (0, "")
    with psycopg.connect(postgres) as connection:
        rows = connection.execute('select id, text from dixa."all" order by id').fetchall()
    assert rows == [(1, None), (2, "2")]
    evidence("load_postgres.py: schemas that do not fit, refused in one line", len(lines) + 2)

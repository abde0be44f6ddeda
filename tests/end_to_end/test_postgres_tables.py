"""Tables that tap-dixa-load makes in PostgreSQL, of any names and types."""

from datetime import datetime

import pytest

from tests.end_to_end.loading import Postgres, announced

pytestmark = pytest.mark.slow

LONG = "deeply__nested__" * 5
TEXT = {"type": ["string", "null"]}
VALUES = {  # a field's schema, what it holds, and what PostgreSQL has then
    "text": (TEXT, "it's", "it's"),
    "number": ({"type": ["integer", "null"]}, 2**60, 2**60),
    "time": (
        {**TEXT, "format": "date-time"},
        "2026-01-02T03:04:05.678Z",
        datetime(2026, 1, 2, 3, 4, 5, 678_000),  # noqa: DTZ001 (a timestamp in UTC)
    ),
    "list": ({"type": ["array", "null"]}, ["null", None], ["null", None]),
    "any": ({}, "a text", "a text"),
}
NAMES = ("Text", "text", "é" * 32, "é" * 33, "x" * 62 + "é", "x" * 63, "x" * 64)


def test_names_that_postgres_would_cut_or_could_confuse_keep_their_values(postgres, tmp_path):
    cases = {f"{LONG}{name}": case for name, case in VALUES.items()}
    cases |= dict.fromkeys([*NAMES, f"{LONG}%s\"'\\é"], VALUES["text"])
    cases["%s\"'\\"] = VALUES["number"]
    fields = {"id": {"type": "integer"}} | {name: case[0] for name, case in cases.items()}
    sent = {name: case[1] for name, case in cases.items()}
    records = [{"id": 1, **sent}, {"id": 2}, {"id": 3, **dict.fromkeys(cases)}]
    key, database = f"{LONG}text", Postgres(postgres)
    for number in "01":
        every = [{**record, key: number} for record in records]
        for _ in range(2):
            stream = {"keys": ["id", key], "stream": f"{LONG}{number}"}
            messages = announced(tmp_path, fields, every, **stream)
            assert database.load(messages) == (0, "")
    tables = "select table_name from information_schema.tables where table_name ~ '^deeply'"
    found = {}
    for (table,) in database.rows(tables):
        rows = database.rows(f'select * from dixa."{table}" order by id')
        assert [row[0] for row in rows] == [1, 2, 3]
        (number,) = {row[1] for row in rows}
        found[number] = [list(row[2:-1]) for row in rows]
    values = [case[2] for name, case in cases.items() if name != key]
    wanted = [values, *[[None] * len(values)] * 2]
    assert found == {"0": wanted, "1": wanted}


FIELDS = {"id": {"type": "integer"}, "text": {"type": "string"}, "x" * 64: {"type": "string"}}
REFUSED = {  # other fields, the key, and what is said of it
    "a key, by a map": ({"id": {"type": "string"}}, ["id"], "was id bigint, and is id text now"),
    "no key": ({}, [], "all needs a primary key"),
    "another key": ({}, ["id", "text"], "was ['id'], and is ['id', 'text'] now"),
    # What only PostgreSQL itself knows to refuse.
    "a column of its own": ({"ctid": TEXT}, ["id"], 'column name "ctid" conflicts with a system'),
    "a text as a number": ({"text": {"type": "integer"}}, ["id"], "invalid input syntax"),
}


def test_a_schema_that_does_not_fit_its_table_is_refused_in_one_line(postgres, tmp_path):
    database = Postgres(postgres)

    def load(fields, *records, keys=("id",)):
        return database.load(announced(tmp_path, fields, records, keys=keys))

    assert load(FIELDS, {"id": 1, "text": "one", "x" * 64: "long"}) == (0, "")
    for fields, keys, said in REFUSED.values():
        status, log = load({**FIELDS, **fields}, keys=keys)
        assert (status, log.count("\n")) == (1, 1)
        assert said in log
    _, log = load(FIELDS, {"id": 1, "text": "a secret"}, {"id": 10**30})
    assert log.endswith(f'value "{10**30}" is out of range for type bigint\n')
    assert "a secret" not in log
    # What was dropped comes back with new rows; the others stay.
    with database.connect() as connection:
        connection.execute('alter table dixa."all" drop column text')
    assert load(FIELDS, {"id": 2, "text": "2"}) == (0, "")
    rows = database.rows('select id, text from dixa."all" order by id')
    assert rows == [(1, None), (2, "2")]


def test_a_role_needs_no_more_rights_than_those_to_its_schema(postgres, tmp_path):
    database = Postgres(postgres)
    with database.connect() as connection:
        connection.execute("create role loader login")
        connection.execute("create schema dixa authorization loader")
    fields = {"id": {"type": "integer"}, "name": {"type": "string"}}
    messages = announced(tmp_path, fields, [{"id": 1, "name": "a"}])
    assert Postgres(postgres.replace("postgres:@", "loader:@")).load(messages) == (0, "")


@pytest.mark.parametrize(
    "column", ["text generated always as (name || '!') stored", "int generated always as identity"]
)
def test_columns_that_compute_their_values_are_left_alone(postgres, column, tmp_path):
    database = Postgres(postgres)
    fields = {"id": {"type": "integer"}, "name": {"type": "string"}}
    for name in ("a", "b"):
        messages = announced(tmp_path, fields, [{"id": 1, "name": name}])
        assert database.load(messages) == (0, "")
        if name == "a":
            with database.connect() as connection:
                connection.execute(f'alter table dixa."all" add column mine {column}')
    ((name, mine),) = database.rows('select name, mine from dixa."all"')
    assert (name, bool(mine)) == ("b", True)

"""The SQL that pages show, and the views of examples, on tables of the streams."""

from contextlib import closing

import duckdb
import psycopg

from tap_dixa.streams import STREAMS
from tap_dixa.streams.base import SCHEMAS
from tests.pages import DOCS, blocks, in_postgres

PAGES = ("moving.md", "operate.md", "personal-data.md", "tables.md")
SHOWN = [sql for page in PAGES for sql in blocks(page, "sql").values()]
VIEWS = [view.read_text() for view in sorted((DOCS.parent / "examples").glob("views_*.sql"))]
TYPES = {"integer": "bigint", "boolean": "boolean", "string": "varchar"}


def tables(json):
    """Give the statements that create the tables; nested values have the type `json`."""
    yield "create schema dixa"
    for stream in STREAMS:
        fields = SCHEMAS.get_schema(stream.name)["properties"].items()
        columns = ", ".join(f'"{name}" {column_type(field, json)}' for name, field in fields)
        yield f"create table dixa.{stream.name} ({columns})"
    yield "create schema old"
    yield "create table old.conversations (id bigint, updated_at bigint)"


def column_type(field, json):
    if field.get("format") == "date-time":
        return "timestamp"
    (kind,) = {field["type"]} if isinstance(field["type"], str) else {*field["type"]} - {"null"}
    return TYPES.get(kind, json)


def test_duckdb_runs_every_statement():
    with duckdb.connect() as warehouse:
        for statement in [*tables("json"), "create table tap_dixa_state (value json)"]:
            warehouse.execute(statement)
        for statement in [*SHOWN, *VIEWS]:
            warehouse.execute(statement)
        made = warehouse.execute("select count(*) from duckdb_views() where not internal")
        assert made.fetchone() == (2,)


def test_postgres_runs_every_statement(postgres):
    with closing(psycopg.connect(postgres, autocommit=True)) as warehouse:
        for statement in [*tables("jsonb"), "create table dixa.tap_dixa_state (value jsonb)"]:
            warehouse.execute(statement)
        for statement in [*SHOWN, *VIEWS]:
            warehouse.execute(in_postgres(statement))
        named = "select count(*) from pg_views where schemaname like 'dixa\\_%'"
        assert warehouse.execute(named).fetchone() == (2,)


def test_a_comment_replaces_the_line_above_it():
    assert in_postgres("a\n  b\n  -- PostgreSQL: c\nd\n") == "a\nc\nd\n"

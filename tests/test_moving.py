"""The SQL of docs/moving.md and its views, on tables such as target-duckdb makes of the streams."""

import duckdb

from tap_dixa.streams import STREAMS
from tap_dixa.streams.base import SCHEMAS
from tests.pages import DOCS, blocks

TYPES = {"integer": "hugeint", "boolean": "boolean", "string": "varchar"}


def column(name, field):
    types = field["type"] if isinstance(field["type"], list) else [field["type"]]
    kind = "timestamp" if field.get("format") == "date-time" else TYPES.get(types[0], "json")
    return f'"{name.lower()}" {kind}'


def test_every_statement_fits_the_streams():
    views = sorted((DOCS.parent / "examples").glob("views_*.sql"))
    statements = [*blocks("moving.md", "sql").values(), *(view.read_text() for view in views)]
    assert len(statements) == 4
    with duckdb.connect() as warehouse:
        for schema in ("dixa", "dixa_new"):
            warehouse.execute(f"create schema {schema}")
            for stream in STREAMS:
                fields = SCHEMAS.get_schema(stream.name)["properties"].items()
                columns = ", ".join(column(*field) for field in fields)
                warehouse.execute(f"create table {schema}.{stream.name} ({columns})")
        warehouse.execute("create schema old")
        warehouse.execute("create table old.conversations (id bigint, updated_at bigint)")
        for statement in statements:
            warehouse.execute(statement)
        made = warehouse.execute("select count(*) from duckdb_views() where not internal")
        assert made.fetchone() == (12,)

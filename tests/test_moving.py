"""The SQL of docs/moving.md, on tables such as target-duckdb makes of the streams."""

from __future__ import annotations

import duckdb

from tap_dixa.client import SCHEMAS
from tap_dixa.streams import STREAMS
from tests.pages import blocks

TYPES = {"integer": "hugeint", "boolean": "boolean", "string": "varchar"}


def column(name, field):
    types = field["type"] if isinstance(field["type"], list) else [field["type"]]
    kind = "timestamp" if field.get("format") == "date-time" else TYPES.get(types[0], "json")
    return f'"{name.lower()}" {kind}'


def test_every_statement_fits_the_streams():
    statements = blocks("moving.md", "sql").values()
    for_duckdb = [block for block in statements if "extract(epoch" not in block]
    assert len(statements) - len(for_duckdb) == 1
    with duckdb.connect() as warehouse:
        for schema in ("dixa", "dixa_new"):
            warehouse.execute(f"create schema {schema}")
            for stream in STREAMS:
                fields = SCHEMAS.get_schema(stream.name)["properties"].items()
                columns = ", ".join(column(*field) for field in fields)
                warehouse.execute(f"create table {schema}.{stream.name} ({columns})")
        warehouse.execute("create schema old")
        warehouse.execute("create table old.conversations (id bigint, updated_at bigint)")
        for block in for_duckdb:
            warehouse.execute(block)
        views = warehouse.execute("select count(*) from duckdb_views() where not internal")
        assert views.fetchone() == (12,)

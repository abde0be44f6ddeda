"""What the tables of a warehouse must hold."""

import json
from contextlib import closing
from datetime import datetime

import psycopg
from psycopg.rows import dict_row

from tap_dixa.streams.base import SCHEMAS
from tests.end_to_end.everything import EVERY, key

FIELDS = {stream: SCHEMAS.get_schema(stream)["properties"] for stream in EVERY}


def compare(stream, rows, known):
    """Every record is one row, field by field, and nothing else is there."""
    fields = FIELDS[stream].items()
    found = {key(stream, row): {name: row[name] for name, _ in fields} for row in rows}
    assert len(found) == len(rows) == len(known) > 0, stream
    for wanted, record in known.items():
        row = {name: record.get(name) for name, _ in fields}
        for name, field in fields:
            if field.get("format") == "date-time" and row[name] is not None:
                row[name] = datetime.fromisoformat(row[name]).replace(tzinfo=None)
        assert found[wanted] == row


def duckdb_rows(tables, stream, place="dixa"):
    """Give the rows of a stream in DuckDB, under the names of their fields, with JSON as values."""
    result = tables.execute(f"select * from {place}.{stream}")
    names = {name.lower(): name for name in FIELDS[stream]}
    columns = [(names.get(name.lower(), name), str(kind)) for name, kind, *_ in result.description]
    return [
        {
            name: json.loads(value) if kind == "JSON" and value is not None else value
            for (name, kind), value in zip(columns, row, strict=True)
        }
        for row in result.fetchall()
    ]


def duckdb_holds(tables, known):
    """Every known record is one row in DuckDB, and every time is a timestamp."""
    for stream in known:
        compare(stream, duckdb_rows(tables, stream), known[stream])
        described = tables.execute(f"describe dixa.{stream}").fetchall()
        types = {name.lower(): kind for name, kind, *_ in described}
        for name, field in FIELDS[stream].items():
            assert field.get("format") != "date-time" or types[name.lower()] == "TIMESTAMP"


def postgres_rows(database, place="dixa", streams=EVERY):
    """Give the rows of streams in PostgreSQL."""
    with closing(psycopg.connect(database, row_factory=dict_row)) as connection:
        return {
            stream: connection.execute(f"select * from {place}.{stream}").fetchall()
            for stream in streams
        }


def postgres_holds(database, known):
    """Every known record is one row in PostgreSQL."""
    for stream, rows in postgres_rows(database, streams=known).items():
        compare(stream, rows, known[stream])

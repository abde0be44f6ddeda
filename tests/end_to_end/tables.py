"""What the tables of a warehouse must hold."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import datetime

import psycopg
from psycopg.rows import dict_row

from tap_dixa.streams.base import SCHEMAS
from tests.end_to_end.everything import EVERY, key

FIELDS = {stream: SCHEMAS.get_schema(stream)["properties"] for stream in EVERY}


def compare(stream, rows, known, *, column=str):
    """Every record is one row, field by field, and nothing else is there."""
    fields = FIELDS[stream].items()
    found = {}
    for row in rows:
        there = {name: row[column(name)] for name, _ in fields}
        found[key(stream, there)] = there
    assert len(found) == len(rows) == len(known) > 0, stream
    for wanted, record in known.items():
        row = {name: record.get(name) for name, _ in fields}
        for name, field in fields:
            if field.get("format") == "date-time" and row[name] is not None:
                row[name] = datetime.fromisoformat(row[name]).replace(tzinfo=None)
        assert found[wanted] == row


def duckdb_holds(tables, known):
    """Every known record is one row in DuckDB, and every time is a timestamp."""
    for stream in known:
        result = tables.execute(f"select * from dixa.{stream}")
        types = {column[0].lower(): str(column[1]) for column in result.description}
        rows = [dict(zip(types, row, strict=True)) for row in result.fetchall()]
        for row in rows:
            for name, kind in types.items():
                if kind == "JSON" and row[name] is not None:
                    row[name] = json.loads(row[name])
        compare(stream, rows, known[stream], column=str.lower)
        for name, field in FIELDS[stream].items():
            if field.get("format") == "date-time":
                assert types[name.lower()] == "TIMESTAMP"


def postgres_holds(database, known):
    """Every known record is one row in PostgreSQL."""
    with closing(psycopg.connect(database, row_factory=dict_row)) as connection:
        for stream, wanted in known.items():
            rows = connection.execute(f"select * from dixa.{stream}").fetchall()
            compare(stream, rows, wanted)

"""What the tables of a warehouse hold, compared with the records that they must hold."""

import json
from contextlib import closing
from datetime import UTC, datetime

import psycopg
from psycopg.rows import dict_row

from tap_dixa.streams.base import SCHEMAS
from tests.end_to_end.everything import EVERY, key

FIELDS = {stream: SCHEMAS.get_schema(stream)["properties"] for stream in EVERY}


def differences(known, rows, *, gone=None):
    """Give the kinds of differences between what must be there and what is.

    Args:
        known: The records that must be there, by stream and key.
        rows: The rows that are there, by stream, as dictionaries. The last one of a key counts.
        gone: The records that were there before, some of which no longer exist.
    """
    found = {}
    for stream, wanted in known.items():
        there = {}
        for row in rows[stream]:
            values = {name: row.get(name) for name in FIELDS[stream]}
            name = key(stream, values)
            if name in there:
                found["a key is there twice"] = ""
            there[name] = values
        if lost := wanted.keys() - there.keys():
            found[f"{stream}: rows are missing"] = f", {len(lost)} of {len(wanted)}"
        for name in there.keys() - wanted.keys():
            deleted = gone is not None and name in gone[stream]
            found["a deleted row is there" if deleted else f"{stream}: a row too many"] = ""
        for name in wanted.keys() & there.keys():
            for field, schema in FIELDS[stream].items():
                values = wanted[name].get(field), there[name][field]
                if kind := difference(schema, *values):
                    found[kind] = ""
                elif kind is None:
                    found[f"{stream}.{field}"] = ": {!r} is {!r}".format(*values)
    return {kind + example for kind, example in found.items()}


def difference(schema, wanted, found):
    """Say what became of a value: a known kind, "" for nothing, or None for an unknown kind."""
    if schema.get("format") == "date-time":
        wanted, found = instant(wanted), instant(found)
    if found == wanted and type(found) is type(wanted):
        return ""
    return "'' is null" if wanted == "" and found is None else None


def instant(value):
    """Give a time as a loader stores it; without a zone it is UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    return value.replace(tzinfo=value.tzinfo or UTC) if isinstance(value, datetime) else value


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
    assert differences(known, {stream: duckdb_rows(tables, stream) for stream in known}) == set()
    for stream in known:
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
    assert differences(known, postgres_rows(database, streams=known)) == set()

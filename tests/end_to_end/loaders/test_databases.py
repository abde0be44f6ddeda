"""Loaders of databases: docs/loaders.md."""

from __future__ import annotations

import json
from contextlib import closing
from decimal import Decimal

import duckdb
import psycopg
import pytest
from psycopg.rows import dict_row

from tests.end_to_end.everything import EVERY
from tests.end_to_end.loaders import pins
from tests.end_to_end.loaders.loader import Case

pytestmark = [pytest.mark.slow, pytest.mark.loaders]


def test_postgres_is_exact(synced, postgres, tmp_path, evidence):
    def rows(place):
        with closing(psycopg.connect(postgres, row_factory=dict_row)) as connection:
            return {
                stream: connection.execute(f"select * from {place}.{stream}").fetchall()
                for stream in EVERY
            }

    def config(place):
        places = {"sqlalchemy_url": postgres, "default_target_schema": place}
        return {**pins.POSTGRES_CONFIG, **places, "hard_delete": True}

    found = Case(pins.POSTGRES, tmp_path, config, rows).all(synced)
    assert found == {"first": set(), "later": set(), "killed": set()}
    evidence("loaders that were fed with all streams")


def test_pipelinewise_postgres_keeps_no_line_break(synced, postgres, tmp_path, evidence):
    server = psycopg.conninfo.conninfo_to_dict(postgres)
    places = {"host": server["host"], "port": 5432, "user": server["user"], "password": "-"}

    def rows(place):
        with closing(psycopg.connect(postgres, row_factory=dict_row)) as connection:
            return {
                stream: list(
                    map(whole_numbers, connection.execute(f"select * from {place}.{stream}"))
                )
                for stream in EVERY
            }

    def whole_numbers(row):
        numbers = {name: int(value) for name, value in row.items() if isinstance(value, Decimal)}
        return {**row, **numbers}

    def config(place):
        return {**places, "dbname": server["dbname"], "default_target_schema": place}

    found = Case(pins.OLD_POSTGRES, tmp_path, config, rows).first(synced, column=str.lower)
    assert found == {"'' is null", "a control character is spelled as an escape"}
    evidence("loaders that were fed with all streams")


def test_duckdb_has_null_for_an_empty_text(synced, tmp_path, evidence):
    def rows(place):
        with duckdb.connect(str(tmp_path / f"{place}.duckdb"), read_only=True) as tables:
            return {stream: list(read(tables, stream)) for stream in EVERY}

    def read(tables, stream):
        result = tables.execute(f"select * from dixa.{stream}")
        kinds = {name: str(kind) for name, kind, *_ in result.description}
        for row in result.fetchall():
            yield {
                name: json.loads(value) if kind == "JSON" and value is not None else value
                for (name, kind), value in zip(kinds.items(), row, strict=True)
            }

    def config(place):
        return {**pins.DUCKDB_CONFIG, "path": f"{place}.duckdb"}

    empty = {"'' is null"}
    found = Case(pins.DUCKDB, tmp_path, config, rows).all(synced, column=str.lower)
    assert found == {"first": empty, "later": {*empty, "a deleted row is there"}, "killed": empty}
    evidence("loaders that were fed with all streams")

"""Loaders of databases: docs/loaders.md."""

from __future__ import annotations

import json
from contextlib import closing

import duckdb
import psycopg
import pytest
from psycopg.rows import dict_row

from tests.end_to_end.everything import EVERY
from tests.end_to_end.loaders import pins

pytestmark = [pytest.mark.slow, pytest.mark.loaders]


def test_postgres_is_exact(load, postgres):
    def rows(place):
        with closing(psycopg.connect(postgres, row_factory=dict_row)) as connection:
            return {
                stream: connection.execute(f"select * from {place}.{stream}").fetchall()
                for stream in EVERY
            }

    def config(place):
        places = {"sqlalchemy_url": postgres, "default_target_schema": place}
        return {**pins.POSTGRES_CONFIG, **places, "hard_delete": True}

    found = load(pins.POSTGRES, config, rows)
    assert found == {"first": set(), "later": set(), "killed": set()}


def test_duckdb_has_null_for_an_empty_text(load, tmp_path):
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
    found = load(pins.DUCKDB, config, rows, column=str.lower)
    assert found == {"first": empty, "later": {*empty, "a deleted row is there"}, "killed": empty}

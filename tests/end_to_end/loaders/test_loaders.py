"""The matrix of docs/loaders.md: a backfill, an increment, a kill, with all streams."""

from __future__ import annotations

import json
from contextlib import closing

import duckdb
import psycopg
import pytest
from psycopg.rows import dict_row

from tests.end_to_end.conftest import LOADERS
from tests.end_to_end.everything import EVERY
from tests.end_to_end.loaders.loader import Case, Loader

pytestmark = [pytest.mark.slow, pytest.mark.loaders]


def defined(name):
    """Give a loader and its settings as meltano.yml defines them."""
    plugin = LOADERS[name]
    config = {s["name"]: s["value"] for s in plugin["settings"] if "value" in s}
    pinned = tuple(plugin["pip_url"].split())
    return Loader(plugin["executable"], pinned, plugin.get("env", {})), config


def test_postgres(synced, postgres, tmp_path):
    loader, config = defined("target-postgres")

    def rows(place):
        with closing(psycopg.connect(postgres, row_factory=dict_row)) as connection:
            return {
                stream: connection.execute(f"select * from {place}.{stream}").fetchall()
                for stream in EVERY
            }

    def settings(place):
        return {
            **config,
            "sqlalchemy_url": postgres,
            "default_target_schema": place,
            "hard_delete": True,
        }

    assert Case(loader, tmp_path, settings, rows).run(synced) == {
        "first": set(),
        "later": set(),
        "killed": set(),
    }


def test_duckdb(synced, tmp_path):
    loader, config = defined("target-duckdb")

    def rows(place):
        with duckdb.connect(str(tmp_path / f"{place}.duckdb"), read_only=True) as tables:
            return {stream: tables_rows(tables, stream) for stream in EVERY}

    def tables_rows(tables, stream):
        result = tables.execute(f"select * from dixa.{stream}")
        types = {column[0]: str(column[1]) for column in result.description}
        return [
            {
                name: json.loads(value) if kind == "JSON" and value is not None else value
                for (name, kind), value in zip(types.items(), row, strict=True)
            }
            for row in result.fetchall()
        ]

    def settings(place):
        return {**config, "path": f"{place}.duckdb"}

    assert Case(loader, tmp_path, settings, rows).run(synced, column=str.lower) == {
        "first": {"'' is null"},
        "later": {"'' is null", "a deleted row is there"},
        "killed": {"'' is null"},
    }


def test_jsonl(synced, tmp_path):
    loader, config = defined("target-jsonl")

    def rows(place):
        return {
            stream: [
                json.loads(line)
                for line in (tmp_path / place / f"{stream}.jsonl").read_text().split("\n")[:-1]
            ]
            for stream in EVERY
        }

    def settings(place):
        (tmp_path / place).mkdir(exist_ok=True)
        return {**config, "destination_path": place, "do_timestamp_file": False}

    assert Case(loader, tmp_path, settings, rows).run(synced) == {
        "first": set(),
        "later": {"a key is there twice", "a deleted row is there"},
        "killed": {"a key is there twice"},
    }

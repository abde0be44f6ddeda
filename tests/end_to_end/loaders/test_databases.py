"""Loaders of databases: docs/loaders.md."""

from functools import partial

import duckdb
import pytest

from tests.end_to_end.everything import EVERY
from tests.end_to_end.loaders import pins
from tests.end_to_end.tables import duckdb_rows, postgres_rows

pytestmark = [pytest.mark.slow, pytest.mark.loaders]


def test_postgres_is_exact(load, postgres):
    def config(place):
        places = {"sqlalchemy_url": postgres, "default_target_schema": place}
        return {**pins.POSTGRES_CONFIG, **places, "hard_delete": True}

    found = load(pins.POSTGRES, config, partial(postgres_rows, postgres))
    assert found == {"first": set(), "later": set(), "killed": set()}


def test_duckdb_has_null_for_an_empty_text(load, tmp_path):
    def rows(place):
        with duckdb.connect(str(tmp_path / f"{place}.duckdb"), read_only=True) as tables:
            return {stream: duckdb_rows(tables, stream) for stream in EVERY}

    def config(place):
        return {**pins.DUCKDB_CONFIG, "path": f"{place}.duckdb"}

    empty = {"'' is null"}
    found = load(pins.DUCKDB, config, rows)
    assert found == {"first": empty, "later": {*empty, "a deleted row is there"}, "killed": empty}

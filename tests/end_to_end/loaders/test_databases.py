"""Loaders of databases: docs/loaders.md."""

from __future__ import annotations

import json
import subprocess
from contextlib import closing
from decimal import Decimal

import duckdb
import psycopg
import pytest
import requests
from psycopg.rows import dict_row

from tests.end_to_end.everything import EVERY
from tests.end_to_end.loaders import pins
from tests.end_to_end.loaders.formats import parsed
from tests.end_to_end.loaders.loader import Case, Loader
from tests.end_to_end.tables import FIELDS

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


CHDB = Loader("python", ("chdb==4.4.0",))
"""The engine of ClickHouse 26.9, as a library."""
SERVER = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit
from chdb.session import Session

session = Session(sys.argv[1])

class Query(BaseHTTPRequestHandler):
    def do_POST(self):
        given = parse_qs(urlsplit(self.path).query)
        sql = self.rfile.read(int(self.headers["Content-Length"])).decode()
        try:
            session.query("USE " + given["database"][0])
            status, body = 200, session.query(sql, given["default_format"][0]).bytes()
        except RuntimeError as error:
            status, body = 500, str(error).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass

server = HTTPServer(("127.0.0.1", 0), Query)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture
def clickhouse(tmp_path):
    """Serve ClickHouse's HTTP interface, as far as the loader uses it; give its port."""
    with subprocess.Popen(
        [*CHDB.program(), "-c", SERVER, tmp_path / "clickhouse"],
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as server:
        yield int(server.stdout.readline())
        server.terminate()


def test_clickhouse_has_no_nulls_and_whole_seconds(synced, clickhouse, tmp_path, evidence):
    def query(sql):
        options = {"database": "default", "default_format": "JSONEachRow"}
        response = requests.post(f"http://127.0.0.1:{clickhouse}/", sql, params=options, timeout=60)
        response.raise_for_status()
        return map(json.loads, response.text.splitlines())

    names = {s: {name.lower(): name for name in FIELDS[s]} for s in EVERY}

    def rows(place):
        numbers = "settings output_format_json_quote_64bit_integers = 0"
        return {
            stream: [
                parsed(stream, {names[stream].get(name, name): row[name] for name in row})
                for row in query(f"select * from {place}.{stream} {numbers}")
            ]
            for stream in EVERY
        }

    def config(place):
        account = {"driver": "http", "username": "default", "password": ""}
        return {**account, "host": "127.0.0.1", "port": clickhouse, "database": place}

    list(query("create database whole"))
    found = Case(pins.CLICKHOUSE, tmp_path, config, rows).first(synced)
    assert found == {'null is ""', "null is 0", "milliseconds are lost"}
    evidence("loaders that were fed with all streams")

"""ClickHouse: its loader, and files that it reads itself."""

from __future__ import annotations

import json
import subprocess

import pytest
import requests

from tests import expected
from tests.conftest import catalog
from tests.end_to_end import checks
from tests.end_to_end.anonymized import anonymize
from tests.end_to_end.batches import batch_settings
from tests.end_to_end.everything import EVERY
from tests.end_to_end.loaders import pins
from tests.end_to_end.loaders.differences import instant
from tests.end_to_end.loaders.formats import parsed
from tests.end_to_end.loaders.loader import Case, Loader
from tests.end_to_end.tables import FIELDS
from tests.pages import blocks

pytestmark = [pytest.mark.slow, pytest.mark.loaders]

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


READ_FILES = """
import sys
from chdb.session import Session

session = Session()
session.query("create database dixa")
session.query(sys.argv[1])
print(session.query("select id, csid, created_at, text, `to` from dixa.messages", "JSONEachRow"))
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


def test_clickhouse_reads_the_newest_rows_of_files(serve, run_tap, tmp_path):
    sandbox, state = serve(conversations=150, days=10), {}
    for _ in range(2):
        config = batch_settings(sandbox, tmp_path)
        run = run_tap(config, catalog=catalog("conversations", "messages"), state=state)
        checks.succeeded(run)
        known, state = expected.records(sandbox.data, "messages"), run.state
        anonymize(sandbox)
    statement = blocks("lake.md", "sql")["ClickHouse"]
    assert "s3('https://bucket.s3.amazonaws.com/dixa/" in statement
    statement = statement.replace("s3('https://bucket.s3.amazonaws.com/dixa", f"file('{tmp_path}")
    command = CHDB.program("python", "-c", READ_FILES, statement)
    done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    found = {row["id"]: row for row in map(json.loads, done.stdout.split("\n")[:-2])}
    assert found.keys() == known.keys()
    for name, record in known.items():
        row = found[name]
        assert int(row["csid"]) == record["csid"]
        assert instant(row["created_at"]) == instant(record["created_at"])
        assert (row["text"], row["to"]) == (record.get("text"), record.get("to") or [])

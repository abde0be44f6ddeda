"""ClickHouse, which reads files itself: docs/lake.md."""

import json
import subprocess

import pytest

from tests import expected
from tests.end_to_end import checks
from tests.end_to_end.anonymized import anonymize
from tests.end_to_end.batches import batches_with_deletes
from tests.end_to_end.loaders.loader import Loader
from tests.end_to_end.tables import instant
from tests.pages import blocks

pytestmark = [pytest.mark.slow, pytest.mark.loaders, pytest.mark.nightly]

CHDB = Loader("python", ("chdb==4.4.0",))
"""The engine of ClickHouse 26.9, as a library."""
READ_FILES = """
import sys
from chdb.session import Session

session = Session()
session.query("create database dixa")
session.query(sys.argv[1])
print(session.query("select id, csid, created_at, text, `to` from dixa.messages", "JSONEachRow"))
"""


def test_clickhouse_reads_the_newest_rows_of_files(account_of, tmp_path):
    config = batches_with_deletes(tmp_path)
    account = account_of("conversations", "messages", config=config, conversations=150, days=10)
    for _ in range(2):
        checks.succeeded(account.sync())
        known = expected.records(account.data, "messages")
        anonymize(account.sandbox)
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

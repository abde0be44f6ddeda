"""The recipes of docs/lake.md: BATCH files, loaded straight into a database."""

import gzip
import json
import re
import subprocess
import sys
from contextlib import chdir, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import duckdb
import psycopg

from tests.end_to_end.conftest import PROJECT
from tests.end_to_end.tables import duckdb_holds, postgres_holds

EXAMPLES = PROJECT / "examples"
PAGE = (PROJECT / "docs" / "lake.md").read_text(encoding="utf-8")
(TO_PARQUET,) = re.findall(r"^COPY dixa.messages TO .*parquet.*;$", PAGE, re.MULTILINE)
KILLED = """
import json, os, runpy, signal, sys

class Killed:
    def __init__(self, connection, calls):
        self.connection, self.calls = connection, calls

    def __getattr__(self, name):
        self.calls -= 1
        if self.calls < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return getattr(self.connection, name)

script, connect, database, calls = sys.argv[1:]
recipe = runpy.run_path(script)["Loader"]
recipe.read.__globals__["FILES_PER_LOAD"] = 1_000  # one transaction
exec(connect)
loader = recipe(Killed(connection, int(calls)))
for line in sys.stdin:
    loader.read(json.loads(line))
loader.load()
"""


@dataclass
class Database:
    """A database that a recipe loads into."""

    name: str
    """What the recipe is given to find it."""

    def load(self, messages, calls=1_000_000):
        """Load what a run announced; give the status. It is killed at a call of the driver."""
        command = [sys.executable, "-c", KILLED, self.SCRIPT, self.CONNECT, self.name, str(calls)]
        return subprocess.run(command, input=messages, encoding="utf-8", check=False).returncode

    def rows(self, query):
        with closing(self.connect()) as connection:
            return connection.execute(query).fetchall()

    def state(self):
        """Give the state that belongs to the rows."""
        ((state,),) = self.rows(f"select value::text from {self.STATE}")
        return json.loads(state)

    def recipe(self, *command):
        """Give the command that runs the tap and loads what it writes."""
        return [sys.executable, self.SCRIPT, self.name, *command]


class DuckDb(Database):
    SCRIPT = EXAMPLES / "load_duckdb.py"
    CONNECT = "import duckdb; connection = duckdb.connect(database)"
    STATE = "main.tap_dixa_state"
    IN_USE = "Could not set lock on file"

    def connect(self):
        return duckdb.connect(self.name)

    def holds(self, known):
        """Compare every row, here and in the page's Parquet files; give how many there are."""
        with self.connect() as tables, TemporaryDirectory() as folder, chdir(folder):
            duckdb_holds(tables, known)
            for stream, rows in known.items():
                tables.execute(TO_PARQUET.replace("messages", stream))
                (found,) = tables.execute(f"select count(*) from '{stream}.parquet'").fetchone()
                differing = f"from dixa.{stream} except from '{stream}.parquet'"
                assert (found, tables.execute(differing).fetchall()) == (len(rows), [])
        return sum(map(len, known.values()))


class Postgres(Database):
    SCRIPT = EXAMPLES / "load_postgres.py"
    CONNECT = "import psycopg; connection = psycopg.connect(database, autocommit=True)"
    STATE = "dixa.tap_dixa_state"
    IN_USE = "Another run loads into this database: wait until it has ended\n"

    def connect(self):
        return psycopg.connect(self.name, autocommit=True)

    def holds(self, known):
        """Compare every row; give how many there are."""
        postgres_holds(self.name, known)
        return sum(map(len, known.values()))


def announced(folder: Path, fields, *files, keys=("id",), stream="all"):
    """Write the records of each BATCH file; give the messages of a run that announces them."""
    manifest = []
    for records in files:
        file = folder / f"{uuid4()}.json.gz"
        file.write_bytes(gzip.compress("".join(json.dumps(r) + "\n" for r in records).encode()))
        manifest.append(file.as_uri())
    messages = [
        {"type": "SCHEMA", "schema": {"properties": fields}, "key_properties": keys},
        {"type": "BATCH", "manifest": manifest},
    ]
    return "\n".join(json.dumps({**message, "stream": stream}) for message in messages)

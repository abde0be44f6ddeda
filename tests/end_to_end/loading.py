"""What tap-dixa-load loads into: databases, and what a run announces."""

import json
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import duckdb
import psycopg

from tests.end_to_end.batches import records_in
from tests.end_to_end.everything import by_key
from tests.end_to_end.tables import duckdb_holds, postgres_holds

KILLED = """
import os, signal, sys
from tap_dixa.load import command, loader

class Killed:
    def __init__(self, driver, calls):
        self.driver, self.calls = driver, calls

    def __getattr__(self, name):
        self.calls -= 1
        if self.calls < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return getattr(self.driver, name)

url, calls = sys.argv[1:]
loader.FILES_PER_LOAD = 1_000  # one transaction
try:
    destination = command.open_destination(url)
    name = "_storage" if hasattr(destination, "_storage") else "_database"
    setattr(destination, name, Killed(getattr(destination, name), int(calls)))
    print("open", flush=True)
    loader.load(sys.stdin.buffer, destination)
    destination.finish()
except Exception as error:
    sys.exit(command.describe(error))
"""


@dataclass
class Destination:
    """What is loaded into."""

    name: str
    """What the command is given to find it."""

    def load(self, messages, calls=1_000_000):
        """Load what a run announced; give the status and the log. A call of the driver kills it."""
        done = subprocess.run(
            [sys.executable, "-c", KILLED, self.name, str(calls)],
            input=messages,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        return done.returncode, done.stderr

    def command(self, *options):
        """Give the command that runs the tap and loads what it writes."""
        return [sys.executable, "-m", "tap_dixa.load", self.name, *options]


class Database(Destination):
    def rows(self, query):
        with closing(self.connect()) as connection:
            return connection.execute(query).fetchall()

    def state(self):
        """Give the state that belongs to the rows."""
        ((state,),) = self.rows(f"select value::text from {self.STATE}")
        return json.loads(state)

    def files(self, temporary):
        """Give the BATCH files that were not loaded."""
        return list(temporary.glob("tap-dixa-load-*/*"))


class DuckDb(Database):
    STATE = "main.tap_dixa_state"
    IN_USE = "warehouse.duckdb open, another run perhaps, or a query: wait"

    def connect(self):
        return duckdb.connect(self.name)

    def holds(self, known):
        """Compare every row."""
        with self.connect() as tables:
            duckdb_holds(tables, known)


class Postgres(Database):
    STATE = "dixa.tap_dixa_state"
    IN_USE = "Another run loads into this database: wait until it has ended\n"

    def connect(self):
        return psycopg.connect(self.name, autocommit=True)

    def holds(self, known):
        """Compare every row."""
        postgres_holds(self.name, known)


class Folder(Destination):
    IN_USE = "Another run uses"

    def read(self):
        """Give the state, and the files of each stream."""
        lake = json.loads(Path(self.name, "lake.json").read_text())
        return lake["state"], {name: stream["files"] for name, stream in lake["streams"].items()}

    def rows(self):
        """Give the rows of each stream, in order."""
        return {
            stream: [
                {name: value for name, value in row.items() if name != "_sdc_table_version"}
                for file in files
                for row in records_in(Path(self.name, file))
            ]
            for stream, files in self.read()[1].items()
        }

    def files(self, _):
        """Give the BATCH files that are not listed."""
        listed = {file for files in self.read()[1].values() for file in files}
        return {path.name for path in Path(self.name).iterdir()} - {"lake.json", *listed}

    def holds(self, known):
        """Compare every row."""
        rows = self.rows()
        for stream, wanted in known.items():
            assert by_key(stream, rows[stream]) == wanted, stream


def announced(folder: Path, fields, *files, keys=("id",), stream="all"):
    """Write the records of each BATCH file; give the messages of a run that announces them."""
    manifest = []
    for records in files:
        file = folder / f"{uuid4()}.json"
        file.write_text("".join(json.dumps(record) + "\n" for record in records))
        manifest.append(file.as_uri())
    messages = [
        {"type": "SCHEMA", "schema": {"properties": fields}, "key_properties": keys},
        {"type": "BATCH", "manifest": manifest},
    ]
    return "\n".join(json.dumps({**message, "stream": stream}) for message in messages)

"""Load all streams into PostgreSQL, through BATCH files: fast, incremental, safe to kill.

Usage: python examples/load_postgres.py DATABASE TAP [ARGUMENT…]
For example: python examples/load_postgres.py postgresql://me@host/warehouse tap-dixa --config ENV

DATABASE is a connection string of libpq; '' if PGHOST, PGUSER and so on say it all. It starts the
tap with the state that the database holds, and sends the files that the tap announces through
COPY: the server decodes them. Rows and state change in one transaction, so a run may end at any
time, however it ends; the next one resumes. It exits with the tap's status.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg

SCHEMA = "dixa"
STATE = f"{SCHEMA}.tap_dixa_state"
FOLDER = Path("tap-dixa.batches")
"""Where the files are for a while: in the folder that the command is run in."""
FILES_PER_LOAD = 20
"""How many files are loaded at a time, all streams together: fewer is less to repeat after a
kill, more is faster. A file has 10,000 records at most."""
VERSION = "_sdc_table_version"
"""Which run read a row of a full-table stream; null in other streams."""
TYPES = {"string": "text", "integer": "bigint", "number": "float8", "boolean": "boolean"}
# Neither byte is in JSON, so that a line is one value.
COPY = r"copy lines (record) from stdin (format csv, quote e'\x01', delimiter e'\x02')"
NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
"""The character U+0000, which PostgreSQL cannot hold, in JSON."""


def quoted(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def column_type(field: dict[str, Any]) -> str:
    """Give the type of a column: JSONB for what is nested, or of several types."""
    kinds = field.get("type", [])
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    if kinds - {"null"} == {"string"} and field.get("format") == "date-time":
        return "timestamp"
    return TYPES.get(*kinds - {"null"}, "jsonb") if len(kinds - {"null"}) == 1 else "jsonb"


class Loader:
    """Loads what the tap's messages announce.

    Args:
        warehouse: A connection with autocommit.
    """

    def __init__(self, warehouse: psycopg.Connection) -> None:
        self._warehouse = warehouse
        self._columns: dict[str, list[str]] = {}
        self._keys: dict[str, list[str]] = {}
        self._files: dict[str, list[str]] = {}
        self._versions: dict[str, int] = {}
        self._state: str | None = None
        warehouse.execute("set client_min_messages = warning; set client_encoding = 'utf8'")
        warehouse.execute(f"create schema if not exists {SCHEMA}")
        warehouse.execute(f"create table if not exists {STATE} (value json)")
        warehouse.execute(
            "create temp table lines (number bigint generated always as identity, record json)"
        )

    def state(self) -> str:
        """Give the state that belongs to the rows, as JSON."""
        row = self._warehouse.execute(f"select value::text from {STATE}").fetchone()
        return row[0] if row else "{}"

    def read(self, message: dict[str, Any]) -> None:
        """Take a message of the tap."""
        kind, stream = message["type"], message.get("stream", "")
        if kind == "SCHEMA":
            self._prepare(stream, message["schema"]["properties"], message["key_properties"])
        elif kind == "BATCH":
            paths = [url.removeprefix("file://") for url in message["manifest"]]
            self._files.setdefault(stream, []).extend(paths)
        elif kind == "ACTIVATE_VERSION":
            self._versions[stream] = message["version"]
        elif kind == "STATE":
            self._state = json.dumps(message["value"])
            if sum(map(len, self._files.values())) >= FILES_PER_LOAD:
                self.load()
        else:
            raise ValueError(f"{kind} was not expected: is another batch_config in force?")

    def load(self) -> None:
        """Load what was announced, and the state that followed, in one transaction."""
        with self._warehouse.transaction():
            for stream, paths in self._files.items():
                self._upsert(stream, paths)
            for stream, version in self._versions.items():
                self._warehouse.execute(
                    f"delete from {SCHEMA}.{quoted(stream)} where {VERSION} is distinct from %s",
                    [version],
                )
            if self._state is not None:
                self._warehouse.execute(f"delete from {STATE}")
                self._warehouse.execute(f"insert into {STATE} values (%s)", [self._state])
        for paths in self._files.values():
            for path in paths:
                Path(path).unlink()
        self._files, self._versions, self._state = {}, {}, None

    def _prepare(self, stream: str, fields: dict[str, Any], keys: list[str]) -> None:
        """Create a stream's table, or add the columns that it does not have yet."""
        columns = {quoted(name): column_type(field) for name, field in fields.items()}
        columns[VERSION] = "bigint"
        table, primary = f"{SCHEMA}.{quoted(stream)}", [quoted(name) for name in keys]
        listed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        self._warehouse.execute(
            f"create table if not exists {table} ({listed}, primary key ({', '.join(primary)}))"
        )
        added = ", ".join(f"add column if not exists {n} {kind}" for n, kind in columns.items())
        self._warehouse.execute(f"alter table {table} {added}")
        self._columns[stream], self._keys[stream] = list(columns), primary

    def _upsert(self, stream: str, paths: list[str]) -> None:
        """Replace the rows that are exported again; of several, the last one counts."""
        table, columns = f"{SCHEMA}.{quoted(stream)}", ", ".join(self._columns[stream])
        keys = ", ".join(self._keys[stream])
        new_keys = ", ".join(f"new.{name}" for name in self._keys[stream])
        new = ", ".join(f"new.{name}" for name in self._columns[stream])
        changes = ", ".join(f"{name} = excluded.{name}" for name in self._columns[stream])
        self._warehouse.execute("truncate lines")
        with self._warehouse.cursor().copy(COPY) as copy:
            for path in paths:
                with gzip.open(path) as file:
                    while lines := b"".join(file.readlines(1 << 18)):
                        copy.write(NUL.sub(rb"\1\\ufffd", lines) if rb"\u0000" in lines else lines)
        self._warehouse.execute(
            f"insert into {table} ({columns}) select distinct on ({new_keys}) {new}"
            f" from lines, json_populate_record(null::{table}, lines.record) as new"
            f" order by {new_keys}, lines.number desc"
            f" on conflict ({keys}) do update set {changes}"
        )


def main(database: str, *command: str) -> int:
    """Run the tap and load what it writes; give its status."""
    with psycopg.connect(database, autocommit=True) as connection:
        lock = "select pg_try_advisory_lock(hashtext('tap-dixa'))"
        if connection.execute(lock).fetchone() != (True,):
            sys.exit("Another run loads into this database: wait until it has ended")
        loader = Loader(connection)
        shutil.rmtree(FOLDER, ignore_errors=True)  # what a killed run left is requested again
        FOLDER.mkdir(mode=0o700)
        options = {
            "batch_config": {
                "encoding": {"format": "jsonl", "compression": "gzip"},
                "storage": {"root": f"file://{FOLDER.resolve()}"},
            },
            "emit_activate_version_messages": True,
        }
        (FOLDER / "config.json").write_text(json.dumps(options))
        (FOLDER / "state.json").write_text(loader.state())
        more = ["--config", str(FOLDER / "config.json"), "--state", str(FOLDER / "state.json")]
        with subprocess.Popen([*command, *more], stdout=subprocess.PIPE) as tap:
            # Either ends the tap, and then this: a terminal sends Ctrl-C to both.
            signal.signal(signal.SIGINT, lambda *_: None)
            signal.signal(signal.SIGTERM, lambda number, _: tap.send_signal(number))
            for line in tap.stdout or ():
                loader.read(json.loads(line))
        loader.load()
        shutil.rmtree(FOLDER)
    return tap.returncode if tap.returncode >= 0 else 128 - tap.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) > 2 else __doc__)  # noqa: PLR2004

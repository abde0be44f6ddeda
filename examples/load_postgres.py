"""Load all streams into PostgreSQL, through BATCH files: fast, incremental, safe to kill.

Usage: python examples/load_postgres.py DATABASE TAP [ARGUMENT…]
For example: python examples/load_postgres.py postgresql://me@host/warehouse tap-dixa --config ENV

DATABASE is a connection string of libpq; '' if PGHOST, PGUSER and so on say it all. It starts the
tap with the state that the database holds, and sends the files that the tap announces through
COPY: the server decodes them. Rows and state change in one transaction, so a run may end at any
time, however it ends; the next one resumes. It exits with the tap's status.
"""

import fcntl
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import quote

SCHEMA = "dixa"
STATE = f"{SCHEMA}.tap_dixa_state"
FILES_PER_LOAD = 20
"""How many files are loaded at a time, all streams together: fewer is less to repeat after a
kill, more is faster. A file has 10,000 records at most."""
VERSION = "_sdc_table_version"
"""Which run read a row of a full-table stream; null in other streams."""
LONGEST_NAME = 63
"""PostgreSQL cuts longer names of tables and columns, in bytes."""
TYPES = {"string": "text", "integer": "bigint", "number": "double precision", "boolean": "boolean"}
"""PostgreSQL's types, as its catalog spells them."""
COLUMNS = """
select attname, format_type(atttypid, null), coalesce(attnum = any(indkey), false)
from pg_attribute left join pg_index on indrelid = attrelid and indisprimary
where attrelid = %s::regclass and attnum > 0 and not attisdropped
"""
"""A table's columns: name, type, and whether the primary key has it."""
CHANGED = f"""\
%s was created with %s, and the tap now sends %s. Undo that change, in a stream map for example; \
or drop the schema {SCHEMA}, or load into another database: the next run loads everything again"""
# Neither byte is in JSON, so that a line is one value.
COPY = r"copy lines (record) from stdin (format csv, quote e'\x01', delimiter e'\x02')"
NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
"""The character U+0000, which PostgreSQL cannot hold, in JSON."""


def identifier(name: str) -> str:
    """Give a name that PostgreSQL does not cut: a digest replaces the end of a longer one."""
    if len(name.encode()) <= LONGEST_NAME:
        return name
    digest = sha256(name.encode()).hexdigest()[:12]
    return f"{name.encode()[: LONGEST_NAME - 13].decode(errors='ignore')}_{digest}"


def quoted(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def column_type(field: dict[str, Any]) -> str:
    """Give the type of a column: JSONB for what is nested, or of several types."""
    kinds = field.get("type", [])
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    if kinds - {"null"} == {"string"} and field.get("format") == "date-time":
        return "timestamp without time zone"
    return TYPES.get(*kinds - {"null"}, "jsonb") if len(kinds - {"null"}) == 1 else "jsonb"


class Table:
    """The table of a stream. It is created, or gets the columns that it does not have yet.

    Args:
        warehouse: A connection with autocommit.
        stream: The stream's name.
        fields: The JSON Schema of each field.
        keys: The fields of the primary key.
    """

    def __init__(
        self,
        warehouse: psycopg.Connection,
        stream: str,
        fields: dict[str, dict[str, Any]],
        keys: list[str],
    ) -> None:
        if not keys:
            sys.exit(f"{stream} has no primary key: set __key_properties__ in its stream map")
        self._warehouse = warehouse
        self.name = f"{SCHEMA}.{quoted(identifier(stream))}"
        self._keys = [identifier(key) for key in keys]
        self._types = {identifier(name): column_type(field) for name, field in fields.items()}
        self._types[VERSION] = "bigint"
        # PostgreSQL finds a column's value by the column's name.
        renamed = [
            f" || jsonb_build_object({quote(identifier(name))}, lines.record -> {quote(name)})"
            for name in fields
            if identifier(name) != name
        ]
        self._record = "lines.record"
        if renamed:
            self._record = f"(lines.record::jsonb{''.join(renamed)})::json"
        columns = [f"{quoted(name)} {kind}" for name, kind in self._types.items()]
        key = ", ".join(map(quoted, self._keys))
        self._warehouse.execute(
            f"create table if not exists {self.name} ({', '.join(columns)}, primary key ({key}))"
        )
        self._check()
        added = ", ".join(f"add column if not exists {column}" for column in columns)
        self._warehouse.execute(f"alter table {self.name} {added}")

    def _check(self) -> None:
        """Check that types and primary key are still those of the table."""
        columns = self._warehouse.execute(COLUMNS, [self.name]).fetchall()
        for name, before, _ in columns:
            now = self._types.get(name, before)
            if now != before:
                sys.exit(CHANGED % (self.name, f"{quoted(name)} {before}", now))
        key = [name for name, _, in_key in columns if in_key]
        if set(key) != set(self._keys):
            sys.exit(CHANGED % (self.name, f"the primary key {key}", self._keys))

    def upsert(self, paths: list[str]) -> None:
        """Replace the rows that are exported again; of several, the last one counts."""
        names = [quoted(name) for name in self._types]
        keys = ", ".join(map(quoted, self._keys))
        new_keys = ", ".join(f"new.{quoted(name)}" for name in self._keys)
        changes = ", ".join(f"{name} = excluded.{name}" for name in names)
        self._warehouse.execute("truncate lines")
        with self._warehouse.cursor().copy(COPY) as copy:
            for path in paths:
                with gzip.open(path) as file:
                    while lines := b"".join(file.readlines(1 << 18)):
                        copy.write(NUL.sub(rb"\1\\ufffd", lines) if rb"\u0000" in lines else lines)
        self._warehouse.execute(
            f"insert into {self.name} ({', '.join(names)})"
            f" select distinct on ({new_keys}) {', '.join(f'new.{name}' for name in names)}"
            f" from lines, json_populate_record(null::{self.name}, {self._record}) as new"
            f" order by {new_keys}, lines.number desc"
            f" on conflict ({keys}) do update set {changes}"
        )

    def delete_others(self, version: int) -> None:
        """Delete the rows that the run with a version did not read."""
        self._warehouse.execute(
            f"delete from {self.name} where {VERSION} is distinct from %s", [version]
        )


class Loader:
    """Loads what the tap's messages announce.

    Args:
        warehouse: A connection with autocommit.
    """

    def __init__(self, warehouse: psycopg.Connection) -> None:
        self._warehouse = warehouse
        self._tables: dict[str, Table] = {}
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
            fields, keys = message["schema"]["properties"], message["key_properties"]
            self._tables[stream] = Table(self._warehouse, stream, fields, keys)
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
                self._tables[stream].upsert(paths)
            for stream, version in self._versions.items():
                self._tables[stream].delete_others(version)
            if self._state is not None:
                self._warehouse.execute(f"delete from {STATE}")
                self._warehouse.execute(f"insert into {STATE} values (%s)", [self._state])
        for paths in self._files.values():
            for path in paths:
                Path(path).unlink()
        self._files, self._versions, self._state = {}, {}, None


def empty_folder(connection: psycopg.Connection) -> Path:
    """Make the folder of a database, or empty it: what a killed run left is requested again."""
    server = connection.info
    database = f"{server.host} {server.port} {server.dbname}"
    folder = Path(f"tap-dixa.batches.{sha256(database.encode()).hexdigest()[:12]}")
    folder.mkdir(mode=0o700, exist_ok=True)
    try:
        # Locked until this process ends.
        fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"Another run uses {folder}: wait until it has ended")
    for path in folder.iterdir():
        path.unlink()
    return folder


def run(connection: psycopg.Connection, command: tuple[str, ...]) -> int:
    """Run the tap and load what it writes; give its status."""
    lock = "select pg_try_advisory_lock(hashtext('tap-dixa'))"
    if connection.execute(lock).fetchone() != (True,):
        sys.exit("Another run loads into this database: wait until it has ended")
    loader, folder = Loader(connection), empty_folder(connection)
    options = {
        "batch_config": {
            "encoding": {"format": "jsonl", "compression": "gzip"},
            "storage": {"root": f"file://{folder.resolve()}"},
        },
        "emit_activate_version_messages": True,
    }
    (folder / "config.json").write_text(json.dumps(options))
    (folder / "state.json").write_text(loader.state())
    more = ["--config", str(folder / "config.json"), "--state", str(folder / "state.json")]
    with subprocess.Popen([*command, *more], stdout=subprocess.PIPE) as tap:
        # Either ends the tap, and then this: a terminal sends Ctrl-C to both.
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda number, _: tap.send_signal(number))
        for line in tap.stdout or ():
            loader.read(json.loads(line))
    loader.load()
    shutil.rmtree(folder)
    return tap.returncode if tap.returncode >= 0 else 128 - tap.returncode


def main(database: str, *command: str) -> int:
    """Run the tap and load what it writes into a database; give its status."""
    try:
        with psycopg.connect(database, autocommit=True) as connection:
            return run(connection, command)
    except psycopg.Error as error:
        # Its details show records.
        reason = error.diag.message_primary or str(error)
        sys.exit(f"PostgreSQL: {' '.join(reason.split())}")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) > 2 else __doc__)  # noqa: PLR2004

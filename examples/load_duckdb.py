"""Load all streams into a DuckDB file, through BATCH files: fast, incremental, safe to kill.

Usage: python examples/load_duckdb.py WAREHOUSE TAP [ARGUMENT…]
For example: python examples/load_duckdb.py warehouse.duckdb tap-dixa --config ENV

It starts the tap with the state that the warehouse holds, and loads the files that the tap
announces. Rows and state change in one transaction, so a run may end at any time, however it
ends; the next one resumes. It exits with the tap's status.
"""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb

SCHEMA = "dixa"
STATE = "main.tap_dixa_state"
FILES_PER_LOAD = 20
"""How many files are loaded at a time, all streams together: fewer is less to repeat after a
kill, more is faster. A file has 10,000 records at most."""
LONGEST_RECORD = 256 << 20
"""In bytes."""
VERSION = "_sdc_table_version"
"""Which run read a row of a full-table stream; null in other streams."""
TYPES = {"string": "varchar", "integer": "bigint", "number": "double", "boolean": "boolean"}


def quoted(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def column_type(field: dict[str, Any]) -> str:
    """Give the type of a column: JSON for what is nested, or of several types."""
    kinds = field.get("type", [])
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    if kinds - {"null"} == {"string"} and field.get("format") == "date-time":
        return "timestamp"
    return TYPES.get(*kinds - {"null"}, "json") if len(kinds - {"null"}) == 1 else "json"


class Loader:
    """Loads what the tap's messages announce.

    Args:
        warehouse: The database, open for writing.
    """

    def __init__(self, warehouse: duckdb.DuckDBPyConnection) -> None:
        self._warehouse = warehouse
        self._columns: dict[str, dict[str, str]] = {}
        self._keys: dict[str, list[str]] = {}
        self._files: dict[str, list[str]] = {}
        self._versions: dict[str, int] = {}
        self._state: str | None = None
        warehouse.execute(f"create schema if not exists {SCHEMA}")
        warehouse.execute(f"create table if not exists {STATE} (value json)")

    def state(self) -> str:
        """Give the state that belongs to the rows, as JSON."""
        row = self._warehouse.execute(f"select value from {STATE}").fetchone()
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
        self._warehouse.begin()
        for stream, paths in self._files.items():
            self._upsert(stream, paths)
        for stream, version in self._versions.items():
            self._warehouse.execute(
                f"delete from {SCHEMA}.{quoted(stream)} where {VERSION} is distinct from ?",
                [version],
            )
        if self._state is not None:
            self._warehouse.execute(f"delete from {STATE}")
            self._warehouse.execute(f"insert into {STATE} values (?)", [self._state])
        self._warehouse.commit()
        for paths in self._files.values():
            for path in paths:
                Path(path).unlink()
        self._files, self._versions, self._state = {}, {}, None

    def _prepare(self, stream: str, fields: dict[str, Any], keys: list[str]) -> None:
        """Create a stream's table, or add the columns that it does not have yet."""
        columns = {name: column_type(field) for name, field in fields.items()}
        columns[VERSION] = "bigint"
        table = f"{SCHEMA}.{quoted(stream)}"
        listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
        self._warehouse.execute(f"create table if not exists {table} ({listed})")
        there = self._warehouse.table(table).columns
        for name in columns.keys() - there:
            self._warehouse.execute(
                f"alter table {table} add column if not exists {quoted(name)} {columns[name]}"
            )
        self._columns[stream], self._keys[stream] = columns, keys

    def _upsert(self, stream: str, paths: list[str]) -> None:
        """Replace the rows that are exported again; of several, the last one counts."""
        table = f"{SCHEMA}.{quoted(stream)}"
        keys = ", ".join(map(quoted, self._keys[stream]))
        same = " and ".join(f"old.{key} = new.{key}" for key in map(quoted, self._keys[stream]))
        self._warehouse.execute(
            "create or replace temp table new as from read_json($paths, columns = $columns,"
            f" format = 'newline_delimited', maximum_object_size = {LONGEST_RECORD})",
            {"paths": paths, "columns": self._columns[stream]},
        )
        self._warehouse.execute(
            f"delete from new where rowid not in (select max(rowid) from new group by {keys})"
        )
        self._warehouse.execute(f"delete from {table} as old using new where {same}")
        self._warehouse.execute(f"insert into {table} by name from new")


def main(warehouse: str, *command: str) -> int:
    """Run the tap and load what it writes; give its status."""
    folder = Path(f"{warehouse}.batches")
    with duckdb.connect(warehouse) as connection:  # one run at a time: DuckDB locks the file
        loader = Loader(connection)
        shutil.rmtree(folder, ignore_errors=True)  # what a killed run left is requested again
        folder.mkdir(mode=0o700)
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


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) > 2 else __doc__)  # noqa: PLR2004

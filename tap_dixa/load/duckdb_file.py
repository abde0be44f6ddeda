"""Load into a DuckDB file."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import duckdb
from typing_extensions import override

from tap_dixa.load.loader import LoadError
from tap_dixa.load.tables import Table, Tables, quoted

_HELD = re.compile(r"lock is held in (.*? \(PID \d+\))")
_LONGEST_RECORD = 256 << 20
"""In bytes."""


class DuckDbFile(Tables):
    """A DuckDB file. It has no index: DuckDB needs none to join or to upsert.

    Args:
        path: The file, which DuckDB locks. It is created if there is none.

    Raises:
        LoadError: Another program has the file open.
    """

    types: ClassVar = {
        "string": "VARCHAR",
        "integer": "BIGINT",
        "number": "DOUBLE",
        "boolean": "BOOLEAN",
        "date-time": "TIMESTAMP",
    }
    json = "JSON"
    state_table = "main.tap_dixa_state"

    def __init__(self, path: str) -> None:
        try:
            self._database = duckdb.connect(path)
        except duckdb.IOException as error:
            if held := _HELD.search(str(error)):
                raise LoadError(
                    f"{held[1]} has {path} open, another run perhaps, or a query: wait until it "
                    "has closed it. DuckDB lets nobody else read a file while it is written"
                ) from None
            raise
        super().__init__(str(Path(path).resolve()))

    @override
    def execute(self, statement: str) -> int:
        rows = self._database.execute(statement).fetchall()
        return int(rows[0][0]) if rows else 0

    @override
    def query(self, statement: str) -> list[tuple[Any, ...]]:
        return self._database.execute(statement).fetchall()

    @override
    def types_of(self, table: Table) -> dict[str, str]:
        # DuckDB's names differ by more than case.
        types = {name.lower(): kind for name, kind, *_ in self.query(f"describe {table.name}")}
        names = (name for name in table.columns if name.lower() in types)
        return {name: types[name.lower()] for name in names}

    @override
    def upsert(self, table: Table, paths: Sequence[Path]) -> int:
        keys = ", ".join(map(quoted, table.keys))
        same = " and ".join(f"old.{key} = new.{key}" for key in map(quoted, table.keys))
        self._database.execute(
            "create or replace temp table new as from read_json($paths, columns = $columns,"
            f" format = 'newline_delimited', maximum_object_size = {_LONGEST_RECORD})",
            {"paths": list(map(str, paths)), "columns": table.columns},
        )
        self.execute(
            f"delete from new where rowid not in (select max(rowid) from new group by {keys})"
        )
        self.execute(f"delete from {table.name} as old using new where {same}")
        return self.execute(f"insert into {table.name} by name from new")

    @override
    def finish(self) -> dict[str, int]:
        rows = super().finish()
        self._database.close()
        return rows

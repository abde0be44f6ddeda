"""The models of ``transform/``, built by dbt as its users build them."""

import os
import re
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.end_to_end.conftest import PROJECT
from tests.end_to_end.loading import Database, DuckDb

TRANSFORM = PROJECT / "transform"
DBT = Path(sys.executable).with_name("dbt")


@dataclass
class Models:
    """A database that rows are loaded into, and the models on them."""

    database: Database
    folder: Path
    project: Path = TRANSFORM

    @property
    def kind(self):
        return "duckdb" if isinstance(self.database, DuckDb) else "postgres"

    def dbt(self, *command):
        """Run dbt; give its status and what it printed."""
        url = urlsplit(self.database.name)
        place = {"DBT_DUCKDB_PATH": self.database.name}
        if self.kind == "postgres":
            place = {"PGHOST": parse_qs(url.query)["host"][0], "PGUSER": url.username}
        folder = self.folder / "target"
        done = subprocess.run(
            [
                *(DBT, "--no-use-colors", *command, "--project-dir", self.project),
                *("--profiles-dir", TRANSFORM / "profiles" / self.kind),
            ],
            env={**os.environ, **place, "DBT_TARGET_PATH": folder, "DBT_LOG_PATH": folder},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        return done.returncode, done.stdout

    def build(self, *options):
        """Build and test everything without an error; give the names of tests that warn."""
        status, output = self.dbt("build", *options)
        assert status == 0, output
        return {*re.findall(r"WARN \d+ (\w+)", output)}, output

    def rows(self, query):
        """Give the rows of a query as dictionaries."""
        with closing(self.database.connect()) as connection:
            cursor = connection.execute(query)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def execute(self, statement):
        """Change rows."""
        with closing(self.database.connect()) as connection:
            connection.execute(statement)

"""The pipelines that are compared: command lines, as one would type them."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.account import STREAMS
from benchmarks.warehouses import SCHEMA, DuckDB, PostgreSQL

PROJECT = Path(__file__).parents[1]
LOADERS = {
    loader["name"]: loader
    for loader in yaml.safe_load((PROJECT / "meltano.yml").read_text())["plugins"]["loaders"]
}
FASTER = {"validate_records", "use_copy"}
"""The settings of target-postgres that `meltano.yml` changes for speed."""


@dataclass
class Pipeline:
    """A way from Dixa into a warehouse."""

    name: str
    command: str
    """For a shell, in the folder of the files that `pipelines` writes."""
    warehouse: DuckDB | PostgreSQL | None = None
    """Where the rows are, afterwards."""
    good: tuple[str, ...] = ("exact",)
    """How its rows may compare with the account's."""


class Installed:
    """Programs in environments of their own, as Meltano and uv install them.

    Args:
        folder: Where the environments are made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def environment(self, name: str, *requirements: str) -> Path:
        """Make an environment with the Python that runs this; give the folder of its programs."""
        there = self._folder / "environments" / name
        uv = shutil.which("uv") or sys.exit("uv is not on PATH")
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, there], check=True)
        install = [uv, "pip", "install", "-q", "--compile-bytecode", "--python", there]
        subprocess.run([*install, *requirements], check=True)
        return there / "bin"

    def loader(self, name: str) -> str:
        """Install a loader as `meltano.yml` pins it; give its program."""
        requirements = LOADERS[name]["pip_url"].split()
        return str(self.environment(name, *requirements) / LOADERS[name]["executable"])


def settings(name: str, **changes: Any) -> dict[str, Any]:
    """Give the settings of a loader in `meltano.yml`; a change to None leaves one out."""
    there = {s["name"]: s["value"] for s in LOADERS[name]["settings"] if "value" in s}
    return {k: v for k, v in (there | changes).items() if v is not None}


def catalog() -> dict[str, Any]:
    """Give a catalog that selects the streams of the account."""
    command = [sys.executable, "-m", "tap_dixa", "--discover"]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return {"streams": [s for s in found["streams"] if s["tap_stream_id"] in STREAMS]}


def pipelines(
    folder: Path, config: dict[str, Any], server: PostgreSQL, without: list[str]
) -> Iterator[Pipeline]:
    """Install what the pipelines need, and write their files.

    Args:
        folder: Where everything is.
        config: The tap's settings.
        server: Where PostgreSQL runs.
        without: Words in the names of pipelines to leave out.
    """
    installed, file = Installed(folder), DuckDB(folder / "warehouse.duckdb")
    batch = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": folder.as_uri(), "prefix": "batch-"},
    }
    postgres = settings("target-postgres", sqlalchemy_url=server.uri, default_target_schema=SCHEMA)
    slower = {name: value for name, value in postgres.items() if name not in FASTER}
    files = {
        "catalog": catalog(),
        "config": config,
        "batch": {**config, "batch_config": batch},
        "duckdb": settings("target-duckdb", path=str(folder / "warehouse.duckdb")),
        "postgres": postgres,
        "slower": slower,
    }
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    python = shlex.quote(sys.executable)
    tap = f"{python} -m tap_dixa --catalog catalog.json --config"
    yield Pipeline("the tap alone", f"{tap} config.json")

    if wanted("target-postgres", without):
        variables = " ".join(f"{k}={v}" for k, v in LOADERS["target-postgres"]["env"].items())
        load = f"{variables} {installed.loader('target-postgres')} --config"
        for name, tap_config, target_config in (
            ("target-postgres, its own defaults", "config", "slower"),
            ("target-postgres, `meltano.yml`", "config", "postgres"),
            ("target-postgres, `meltano.yml`, BATCH", "batch", "postgres"),
        ):
            command = f"{tap} {tap_config}.json | {load} {target_config}.json"
            yield Pipeline(name, command, server)

    if wanted("target-duckdb", without):
        load = f"{installed.loader('target-duckdb')} --config duckdb.json"
        name = "target-duckdb, `meltano.yml`"
        yield Pipeline(name, f"{tap} config.json | {load}", file, ("exact", "'' is NULL"))

    load = f"{python} -m tap_dixa.load --config config.json --catalog catalog.json"
    yield Pipeline("`tap-dixa-load` → PostgreSQL", f"{load} '{server.uri}'", server)
    yield Pipeline("`tap-dixa-load` → DuckDB", f"{load} warehouse.duckdb", file)

    if wanted("dlt", without):
        script = str(PROJECT / "benchmarks" / "dlt_pipeline.py")
        python = f"{installed.environment('dlt', '-r', script)}/python"
        dlt = f"{python} {shlex.quote(script)} config.json"
        # dlt wants a user's password and a host; libpq takes the socket.
        uri = server.uri.replace("postgres:@/", "postgres:none@localhost/")
        sent = ("times are integers, `to` is text",)
        yield Pipeline("dlt → PostgreSQL", f"{dlt} postgres '{uri}'", server, sent)
        yield Pipeline("dlt → DuckDB", f"{dlt} duckdb warehouse.duckdb", file, sent)


def wanted(name: str, without: list[str]) -> bool:
    """Say whether a pipeline is not left out."""
    return not any(word in name for word in without)


def environment() -> dict[str, str]:
    """Give the environment of the commands: nothing phones home, all may keep bytecode."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "RUNTIME__DLTHUB_TELEMETRY": "false", "SINGER_SDK_LOG_LEVEL": "WARNING"}

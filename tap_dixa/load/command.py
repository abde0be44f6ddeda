"""The command ``tap-dixa-load``: its options, and the table that it ends with."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from tap_dixa.hidden_token import without_token
from tap_dixa.load.loader import Destination, LoadError, run
from tap_dixa.report.summary import table
from tap_dixa.singer.stream_map_checks import suggest
from tap_dixa.tap import TapDixa

_EXTRAS = {"duckdb": "duckdb", "psycopg": "postgres", "s3fs": "s3"}
"""The extras of the package, by the modules that they bring along."""


@dataclass(frozen=True)
class Options:
    """The options of the command."""

    config: Sequence[str]
    catalog: str | None
    streams: str | None
    start_date: str | None
    full_refresh: bool


@click.command()
@click.argument("destination")
@click.option(
    "--config",
    multiple=True,
    default=["ENV"],
    metavar="FILE|ENV",
    help="The tap's settings: a JSON file, or ENV for the variables TAP_DIXA_…, which is the "
    "default. Several add up.",
)
@click.option("--catalog", metavar="FILE", help="A catalog that selects streams and fields.")
@click.option("--streams", metavar="NAMES", help="Only these streams, with commas between them.")
@click.option("--start-date", metavar="DATE", help="Where a first sync starts.")
@click.option("--full-refresh", is_flag=True, help="Read everything again, from the start date on.")
@click.version_option(TapDixa.plugin_version)
def main(destination: str, **options: Any) -> None:
    """Run tap-dixa, and load what it reads into DESTINATION.

    DESTINATION is a DuckDB file (warehouse.duckdb), a PostgreSQL database
    (postgresql://user@host/database), a bucket (s3://bucket/folder) or a folder.

    Run it again to load what has changed: the state is kept with the rows.
    """
    try:
        opened = open_destination(destination)
        with TemporaryDirectory() as folder:
            status = _load(opened, Options(**options), Path(folder))
        totals = opened.finish()
    except Exception as error:
        if os.environ.get("TAP_DIXA_LOGLEVEL", "").upper() == "DEBUG":
            raise
        sys.exit(describe(error))
    if status == 0 or opened.loaded:
        click.echo("\n".join(_rows(opened, totals)))
    sys.exit(status)


def open_destination(url: str) -> Destination:
    """Open what an argument names: a database, a bucket or a folder."""
    # Each has a driver of its own, which only it needs.
    if url.startswith(("postgresql:", "postgres:")):
        from tap_dixa.load.postgres import PostgresDatabase  # noqa: PLC0415

        return PostgresDatabase(url)
    if url.endswith((".duckdb", ".db")) or Path(url).is_file():
        from tap_dixa.load.duckdb_file import DuckDbFile  # noqa: PLC0415

        return DuckDbFile(url)
    from tap_dixa.load.lake import Lake  # noqa: PLC0415

    return Lake(url)


def _load(destination: Destination, options: Options, folder: Path) -> int:
    names = [name.strip() for name in (options.streams or "").split(",") if name.strip()]
    if names and options.catalog:
        raise LoadError("Give --streams or --catalog, not both")
    arguments = [argument for path in options.config for argument in ("--config", path)]
    if options.catalog:
        arguments += ["--catalog", options.catalog]
    if names:
        catalog = folder / "catalog.json"
        catalog.write_text(json.dumps(_catalog_of(names)))
        arguments += ["--catalog", str(catalog)]
    state = destination.state()
    if options.full_refresh:
        bookmarks = state.get("bookmarks", {}) if names else {}
        kept = bookmarks.keys() - set(names)
        state = {"bookmarks": {name: bookmarks[name] for name in kept}}
    settings = {"start_date": options.start_date} if options.start_date else {}
    return run(destination, arguments, settings, state, folder)


def _catalog_of(streams: Sequence[str]) -> dict[str, Any]:
    """Make a catalog that selects these streams alone."""
    catalog = TapDixa(config={}, validate_config=False, setup_mapper=False).catalog_dict
    known = [entry["tap_stream_id"] for entry in catalog["streams"]]
    for name in streams:
        if name not in known:
            raise LoadError(f"--streams: there is no stream {name}. {suggest(name, known)}")
    for entry in catalog["streams"]:
        (root,) = (each["metadata"] for each in entry["metadata"] if not each["breadcrumb"])
        root["selected"] = entry["tap_stream_id"] in streams
    return catalog


def _rows(destination: Destination, totals: Mapping[str, int]) -> Iterator[str]:
    """Write what was loaded, a row a stream."""
    columns = ("loaded", "deleted", f"{destination.unit} in all")
    rows: list[tuple[str, ...]] = [("stream", *columns)]
    for stream, total in totals.items():
        counts = (destination.loaded[stream], destination.deleted[stream], total)
        rows.append((stream, *(f"{count:,}" for count in counts)))
    return table(rows, right=columns)


def describe(error: Exception) -> str:
    """Say in one line why nothing can be loaded."""
    if isinstance(error, ImportError):
        for module, extra in _EXTRAS.items():
            if module in str(error):
                return f"This destination needs an extra, as in uv tool install '.[{extra}]'"
    # The rest of what PostgreSQL says shows records.
    diagnosis = getattr(error, "diag", None)
    reason = (diagnosis and diagnosis.message_primary) or str(error)
    line = " ".join(without_token(reason).split())
    return line if isinstance(error, LoadError) else f"{type(error).__name__}: {line}"

"""Measure what it costs to load a sandbox's data: CPU seconds of all processes together.

Usage: python benchmarks/loaders.py [--conversations N] [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tap_dixa.sandbox.behaviour import Behaviour
from tap_dixa.sandbox.dataset import DataSet
from tap_dixa.sandbox.server import Sandbox
from tap_dixa.timestamps import to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).parents[1]
NOW = 1_773_230_400_000
"""When the data ends: 2026-03-11T12:00:00Z."""
DAYS = 90
TAP = [sys.executable, "-m", "tap_dixa", "--config", "config.json"]
RECIPE = [sys.executable, str(PROJECT / "examples" / "load_duckdb.py"), "recipe.duckdb"]


def processor_seconds(run: Callable[[], object]) -> float:
    """Call what runs processes to their end; give the processor's time that they took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def loader() -> tuple[list[str], dict[str, Any]]:
    """Give the command of the default loader, as `meltano.yml` pins it, and its settings."""
    definition = yaml.safe_load((PROJECT / "meltano.yml").read_text())
    target = definition["plugins"]["loaders"][0]
    package, database = target["pip_url"].split()
    command = ["uvx", "--quiet", "--python", sys.executable, "--from", package]
    command += ["--with", database, target["executable"]]
    settings = {s["name"]: s["value"] for s in target["settings"] if "value" in s}
    return [*command, "--config", "target.json"], settings


def main() -> None:
    """Run each way of loading, each time into a new database, and print the best of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conversations", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    data = DataSet(options.conversations, DAYS, lambda: NOW)
    behaviour = Behaviour(requests_per_minute=0, requests_per_second=0)
    target, target_settings = loader()
    subprocess.run([*target[:-2], "--help"], check=True, capture_output=True)  # installs it
    best: dict[str, float] = {}
    with Sandbox(data, behaviour) as sandbox, tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        config = {
            "api_token": behaviour.token,
            "start_date": to_rfc3339(data.start),
            "end_date": to_rfc3339(NOW),
            "exports_api_url": sandbox.url,
            "dixa_api_url": sandbox.url,
        }
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "target.json").write_text(json.dumps(target_settings))

        def run(command: list[str], **streams: Any) -> None:
            log = subprocess.DEVNULL
            subprocess.run(command, cwd=folder, check=True, stderr=log, **streams)

        def piped() -> None:
            log = subprocess.DEVNULL
            with subprocess.Popen(TAP, cwd=folder, stdout=subprocess.PIPE, stderr=log) as tap:
                run(target, stdin=tap.stdout, stdout=log)

        ways: dict[str, Callable[[], object]] = {
            "tap-dixa alone": lambda: run(TAP, stdout=subprocess.DEVNULL),
            "tap-dixa | target-duckdb": piped,
            "load_duckdb.py, with the tap": lambda: run([*RECIPE, *TAP]),
        }
        for _ in range(options.rounds):
            for name, way in ways.items():
                for database in folder.glob("*.duckdb*"):
                    database.unlink()
                seconds = processor_seconds(way)
                best[name] = min(seconds, best.get(name, seconds))
    print(f"About {options.conversations:,} conversations of {DAYS} days, all streams but notes:\n")
    for name, seconds in best.items():
        print(f"{name:<32}{seconds:>8.1f} s of CPU")


if __name__ == "__main__":
    main()

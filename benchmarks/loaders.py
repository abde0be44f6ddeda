"""Measure whole pipelines, from Dixa into a warehouse: CPU, time, memory, and the rows.

Two streams, conversations and messages, are loaded into an empty warehouse. Everything runs in
each round, in turn. CPU is that of all processes of a pipeline, user and system; the sandbox's and
PostgreSQL's stand apart.

Usage: python -m benchmarks.loaders [--conversations N] [--rounds N] [--without WORD]…
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.account import NOW, Account
from benchmarks.pipelines import Pipeline, environment, pipelines
from benchmarks.warehouses import PostgreSQL
from tap_dixa.timestamps import to_rfc3339
from tap_dixa_sandbox.behaviour import Behaviour
from tap_dixa_sandbox.server import Sandbox

LAUNCH = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py"))]
SHELL = shutil.which("bash") or "/bin/bash"


class Costs(NamedTuple):
    """What a pipeline took once: seconds, and MB."""

    cpu: float
    wall: float
    server: float
    sandbox: float
    peak: float


HEADINGS = ("CPU s", "wall s", "PostgreSQL's CPU s", "sandbox's CPU s", "peak MB")


def measure(pipeline: Pipeline, folder: Path) -> Costs:
    """Run a pipeline into an empty warehouse."""
    shutil.rmtree(folder / "dlt", ignore_errors=True)
    server = pipeline.warehouse
    if server:
        server.empty()
    before, own = server.cpu() if server else 0, time.process_time()
    done = subprocess.run(
        [*LAUNCH, "/dev/null", SHELL, "-o", "pipefail", "-c", f"exec 2>log\n{pipeline.command}"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        log = (folder / "log").read_text()
        sys.exit(f"{log}\n{pipeline.name} ended with {done.returncode}: {pipeline.command}")
    wall, peak, cpu = map(float, done.stdout.split())
    own = time.process_time() - own
    return Costs(cpu, wall, server.cpu() - before if server else 0, own, peak)


def span(values: list[float]) -> str:
    """Write the best of several, and the worst."""
    digits = 0 if min(values) >= 20 else 1  # noqa: PLR2004 (as many as mean something)
    low, high = (f"{value:.{digits}f}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def main() -> int:
    """Run everything, print the table; give 1 if a row of ours is not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conversations", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--without", action="append", default=[], help="a word in the names of what to leave out"
    )
    options = parser.parse_args()
    account = Account(options.conversations)
    behaviour = Behaviour(requests_per_minute=0, requests_per_second=0)
    with (
        Sandbox(account, behaviour) as sandbox,
        PostgreSQL() as server,
        tempfile.TemporaryDirectory() as scratch,
    ):
        config = {
            "api_token": behaviour.token,
            "start_date": to_rfc3339(account.start),
            "end_date": to_rfc3339(NOW),
            "exports_api_url": sandbox.url,
            "dixa_api_url": sandbox.url,
            "requests_per_minute": 1000,
        }
        folder = Path(scratch)
        every = list(pipelines(folder, config, server, options.without))
        costs: dict[str, list[Costs]] = {pipeline.name: [] for pipeline in every}
        verdicts = {pipeline.name: "" for pipeline in every}
        for number in range(1, options.rounds + 1):
            for pipeline in every:
                taken = measure(pipeline, folder)
                print(f"round {number}, {pipeline.name}: {taken}", file=sys.stderr)
                costs[pipeline.name].append(taken)
                if pipeline.warehouse:
                    verdicts[pipeline.name] = account.verdict(pipeline.warehouse.rows())
    print(f"| {' | '.join(('', *HEADINGS, 'rows'))} |\n|{'---|' * (len(HEADINGS) + 2)}")
    for name, runs in costs.items():
        cells = (span(list(values)) for values in zip(*runs, strict=True))
        print(f"| {' | '.join((name, *cells, verdicts[name]))} |")
    bad = [p for p in every if p.warehouse and not verdicts[p.name].endswith(p.good)]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

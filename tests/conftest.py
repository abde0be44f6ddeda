"""A sandbox whose clock the tests own, and the tap run as its users run it."""

import gc
import json
import os
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryFile, mkdtemp
from threading import Thread
from typing import Any

import hypothesis
import pytest

from tap_dixa.tap import TapDixa
from tap_dixa.timestamps import to_rfc3339
from tap_dixa_sandbox.dataset import DataSet
from tests import forks
from tests.behaviour import Behaviour
from tests.faulty_sandbox import FaultySandbox

# How long an example takes says nothing on machines that others use too. To try many more:
# pytest --hypothesis-profile thorough
for _profile, _examples in (("quick", 10), ("thorough", 2_000)):
    hypothesis.settings.register_profile(
        _profile,
        max_examples=_examples,
        deadline=None,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
hypothesis.settings.load_profile("quick")

# Some machines forbid Python's caches. The tap is started hundreds of times.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

HOUR = 3_600_000
DAY = 24 * HOUR
LOOKBACK = 600_000
"""The default of lookback_seconds, in ms."""


NOON = 1_773_230_400_000
"""A busy hour, the same in every run: Wednesday, 2026-03-11T12:00:00Z."""


@dataclass
class Clock:
    """The sandbox's clock. It stands still until a test puts it forward."""

    now: int = NOON

    def __call__(self):
        return self.now


@dataclass
class Run:
    """What one run of the tap left behind."""

    status: int
    output: str
    log: str

    @cached_property
    def messages(self):
        lines = self.output.split("\n")  # texts may have other line separators
        return [json.loads(line) for line in lines if line.startswith('{"type"')]

    def of(self, kind, stream=None):
        return [
            message
            for message in self.messages
            if message["type"] == kind and stream in {None, message.get("stream")}
        ]

    def records(self, stream):
        return [message["record"] for message in self.of("RECORD", stream)]

    @property
    def state(self):
        return self.of("STATE")[-1]["value"]

    def bookmark(self, stream):
        return self.state["bookmarks"][stream].get("replication_key_value")

    @property
    def errors(self):
        return [line for line in self.log.splitlines() if "ERROR" in line or "CRITICAL" in line]


def pytest_collection_modifyitems(items):
    """Mark what needs a PostgreSQL: the wheel that brings it has no build for the newest Python.

    The longest tests, those of dbt, come first: at the end, the other workers would wait for them.
    """
    items.sort(key=lambda item: "/transform/" not in item.nodeid)
    for item in items:
        if "postgres" in item.fixturenames:
            item.add_marker("postgres")


def pytest_collection_finish():
    """Keep the collector away from the half a million objects of imports and tests, for good."""
    gc.collect()
    gc.freeze()


FAST_PATH: dict[str, Any] = {}
_ON_THE_FAST_PATH = (
    *("conversations", "messages", "activity_logs", "conversation_notes", "conversation_ratings"),
    *("linked_conversations", "analytics_records", "intelligence_records"),
)
SDK_PATH: dict[str, Any] = {
    "stream_maps": {name: {"__filter__": "True"} for name in _ON_THE_FAST_PATH}
}
"""A stream map that keeps every record changes nothing, but takes records the SDK's path. What
Dixa leaves out is null there: a map can only name fields that are there."""

both_paths = pytest.mark.parametrize(
    "options", [FAST_PATH, SDK_PATH], ids=["fast path", "SDK path"]
)
"""Mark a test of a guarantee that must hold on whichever path records go."""

both_paths_slowly = pytest.mark.parametrize(
    "options",
    [FAST_PATH, pytest.param(SDK_PATH, marks=pytest.mark.slow)],
    ids=["fast path", "SDK path"],
)
"""The same, where a quicker test shows the SDK's path by default."""


def made(
    *,
    conversations=100,
    days=40,
    late=0,
    seed=1,
    now=NOON,
    faults=(),
    api_faults=(),
    shapes=None,
    **behaviour,
):
    """Make a sandbox without rate limits. It serves while it is entered."""
    data = DataSet(conversations, days, Clock(now), seed=seed, late=late)
    unlimited = {"requests_per_minute": 0, "requests_per_second": 0}
    behaviour = {**unlimited, **behaviour}
    return FaultySandbox(
        data, Behaviour(faults=deque(faults), api_faults=deque(api_faults), **behaviour), shapes
    )


@pytest.fixture
def serve():
    """Start a sandbox; it stops with the test."""
    running = []

    def start(**options):
        running.append(made(**options).__enter__())
        return running[-1]

    yield start
    for sandbox in running:
        # This takes a tenth of a second, which the next test need not wait for.
        Thread(target=sandbox.__exit__).start()


def settings(sandbox, **changes):
    """Give the settings for a sandbox without a rate limit, up to three hours after noon."""
    return {
        "end_date": to_rfc3339(NOON + 3 * HOUR),
        "api_token": sandbox.behaviour.token,
        "start_date": to_rfc3339(sandbox.data.start),
        "exports_api_url": sandbox.url,
        "dixa_api_url": sandbox.url,
        "requests_per_minute": 6000,
        **changes,
    }


@cache
def catalog(*streams):
    """Give a catalog that selects only these streams."""
    tap = TapDixa(config={}, validate_config=False, setup_mapper=False)
    chosen = [entry for entry in tap.catalog_dict["streams"] if entry["tap_stream_id"] in streams]
    for entry in chosen:
        (root,) = (data for data in entry["metadata"] if not data["breadcrumb"])
        root["metadata"]["selected"] = True
    assert len(chosen) == len(streams)
    return {"streams": chosen}


EXPORTS = ("conversations", "messages")


_TAP = ("-c", "from tap_dixa.__main__ import main; main()")


def _start(folder, config, *arguments, program=_TAP, environment=None, before=None, **options):
    """Start the tap: in a fork if that will do, or as a new process."""
    files = {"config": config, **{name: options.pop(name, None) for name in ("state", "catalog")}}
    selected = {"--about", "--catalog", "--discover", "--test"}.intersection(arguments)
    if not (selected or files["catalog"]):
        files["catalog"] = catalog(*EXPORTS)
    given, folder = [*arguments], Path(mkdtemp(dir=folder))
    for option, content in files.items():
        if content is not None:
            path = folder / f"{option}.json"
            path.write_text(json.dumps(content))
            given += [f"--{option}", str(path)]
    environment = environment or {}
    option, code, *rest = program
    pythons = any(name.startswith("PYTHON") for name in environment)
    if option == "-c" and not (rest or pythons or before):
        return forks.Fork(given, environment, code, **options)
    return subprocess.Popen(
        [sys.executable, *program, *given],
        env={**os.environ, **environment},
        **{
            "preexec_fn": before,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.DEVNULL,
            "encoding": "utf-8",
            "pipesize": forks.PIPE_SIZE,
            **options,
        },
    )


@pytest.fixture(scope="session")
def run_tap(tmp_path_factory):
    """Run the tap as a process of its own."""
    folder = tmp_path_factory.mktemp("runs")

    def run(config, *arguments, **options):
        with TemporaryFile("w+", encoding="utf-8", dir=folder) as log:
            tap = _start(folder, config, *arguments, stderr=log, **options)
            output, _ = tap.communicate()
            log.seek(0)
            return Run(tap.wait(), output, log.read())

    return run


@pytest.fixture
def start_tap(tmp_path):
    """Start the tap and leave it running; it ends with the test."""
    started = []

    def start(config, **options):
        started.append(_start(tmp_path, config, **options))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()

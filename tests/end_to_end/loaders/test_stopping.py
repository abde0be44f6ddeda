"""What is stored of a `meltano run` that is stopped: docs/loaders.md, Stopping."""

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import pytest

from tap_dixa_sandbox.server import Sandbox
from tests.conftest import HOUR
from tests.end_to_end.conftest import Project, environment_of
from tests.end_to_end.everything import records_of
from tests.end_to_end.interrupted import read_until
from tests.end_to_end.loaders import pins
from tests.end_to_end.loaders.formats import csv_lines, json_lines, zipped_lines
from tests.end_to_end.tables import differences, duckdb_rows, postgres_rows
from tests.events import HANG
from tests.faults import BrokenResponse

pytestmark = [pytest.mark.slow, pytest.mark.loaders]

STREAMS = ("conversations", "messages", "activity_logs")
"""What tap-dixa-hourly syncs."""
HURRY = (
    "import os; 'HURRIED' in os.environ and setattr("
    "__import__('singer_sdk.target_base').target_base.Target, '_MAX_RECORD_AGE_IN_MINUTES', 1 / 60)"
)
"""A line of a .pth file, which makes the five minutes of the SDK's loaders a second."""
HURRIED = {"HURRIED": "yes"}
STORED = "Incremental state has been updated"
"""What Meltano logs of each state that the loader confirms."""


@dataclass
class Runs:
    """Runs of the hourly extractor into a loader, with a state of their own."""

    project: Project
    loader: str
    sandbox: Sandbox
    environment: dict[str, str]

    def stop(self, number, *seen, whom=os.killpg, **environment):
        """Stop a run by a signal once its log has had some texts; give its status and the state.

        It waits a little before each window.
        """
        self.sandbox.behaviour.latency = 0.15
        with self._start(environment) as meltano:
            read_until(meltano.stdout, *seen)
            whom(meltano.pid, number)
            ended(meltano)
        return meltano.returncode, self.state()

    def finish(self):
        """Run to the end."""
        self.sandbox.behaviour.latency = 0
        with self._start({"TAP_DIXA_WINDOW_DAYS": "31"}) as meltano:
            log = ended(meltano)
        assert meltano.returncode == 0, log

    def differ(self, rows):
        """Give the kinds of differences between what Dixa has and rows."""
        known = records_of(self.sandbox)
        return differences({stream: known[stream] for stream in STREAMS}, rows)

    def state(self):
        """Give the bookmarks of the state that Meltano has; None if it has none."""
        files = [*Path(self.environment["STATES"]).glob("*/state.json")]
        if not files:
            return None
        stored = json.loads(files[0].read_text())["completed"]["singer_state"]["bookmarks"]
        return {stream: bookmark["replication_key_value"] for stream, bookmark in stored.items()}

    def _start(self, environment):
        given = {**self.environment, **environment}
        # Meltano believes for five minutes that a killed run goes on, unless it is forced.
        return self.project.start("run", "--force", "tap-dixa-hourly", self.loader, **given)


@pytest.fixture
def runs_into(serve, project, tmp_path):
    """Give a function that prepares runs into a loader."""

    def prepare(loader, **environment):
        sandbox, prepared = serve(conversations=600, days=70), project(loader)
        (packages,) = prepared.program(loader).parents[1].glob("lib/python*/site-packages")
        (packages / "hurried.pth").write_text(HURRY)
        states = tmp_path / "states"
        return Runs(
            prepared,
            loader,
            sandbox,
            {
                **environment_of(sandbox),
                "TAP_DIXA_WINDOW_DAYS": "1",
                "TAP_DIXA_PARALLEL_DOWNLOADS": "1",
                "MELTANO_DATABASE_URI": f"sqlite:///{tmp_path}/meltano.db",
                "MELTANO_STATE_BACKEND_URI": states.as_uri(),
                "STATES": str(states),
                **environment,
            },
        )

    return prepare


def ended(meltano):
    """Wait for a run to end; give the rest of its log."""
    try:
        return meltano.communicate(timeout=HANG)[0]
    except subprocess.TimeoutExpired:
        os.killpg(meltano.pid, signal.SIGKILL)
        raise


def tap_of(meltano, number):
    """Send a signal to the tap of a run alone, as the page says."""
    command = ["pkill", f"-{number.value}", "--session", str(meltano), "--exact", "tap-dixa"]
    subprocess.run(command, check=True)


def is_kept_as_the_page_says(runs, rows, *, later=None):
    """Kill a run, and stop others early and late; then the loader has written all rows.

    `later` is the environment in which it stores its state while a run goes on; None if it never
    does.
    """
    early = "conversations: window 3 of "
    late = "conversations: window 9 of " if later is None else STORED
    assert runs.stop(signal.SIGKILL, early) == (-signal.SIGKILL, None)
    # Ctrl-C is sent to all processes, and a SIGTERM of systemd, Docker or Dagster to Meltano alone.
    assert runs.stop(signal.SIGTERM, early, whom=os.kill) == (143, None)
    assert runs.stop(signal.SIGINT, early) == (1, None)
    bookmarks = [""]
    for status, number, whom in (143, signal.SIGTERM, os.kill), (1, signal.SIGINT, os.killpg):
        stopped, state = runs.stop(number, late, whom=whom, **(later or {}))
        assert stopped == status
        if later is None:
            assert state is None
        else:
            bookmarks.append(state["conversations"])
    # A signal for the tap alone loses nothing: it ends in order, and the loader stores all of it.
    stopped, state = runs.stop(signal.SIGTERM, "conversations: window 12 of ", whom=tap_of)
    assert stopped == 1
    bookmarks.append(state["conversations"])
    assert bookmarks == sorted(bookmarks)
    for _ in range(2):
        runs.finish()
        assert runs.differ(rows()) <= {"'' is null", "a key is there twice"}
        runs.sandbox.data.now.now += HOUR


@pytest.mark.nightly
def test_postgres_stores_its_state_every_five_minutes(runs_into, postgres):
    runs = runs_into("target-postgres", TARGET_POSTGRES_SQLALCHEMY_URL=postgres)
    rows = partial(postgres_rows, postgres, streams=STREAMS)
    is_kept_as_the_page_says(runs, rows, later=HURRIED)


def tables_of(path):
    """Give the rows of a DuckDB file."""
    with duckdb.connect(path, read_only=True) as tables:
        return {stream: duckdb_rows(tables, stream) for stream in STREAMS}


@pytest.mark.nightly
def test_duckdb_stores_its_state_with_each_batch(runs_into, tmp_path):
    path = str(tmp_path / "warehouse.duckdb")

    runs = runs_into("target-duckdb", TARGET_DUCKDB_PATH=path)
    later = {"TARGET_DUCKDB_BATCH_SIZE_ROWS": "50"}
    is_kept_as_the_page_says(runs, partial(tables_of, path), later=later)


def test_duckdb_has_every_row_that_its_state_says(runs_into, tmp_path):
    path = str(tmp_path / "warehouse.duckdb")
    runs = runs_into("target-duckdb", TARGET_DUCKDB_PATH=path, TARGET_DUCKDB_BATCH_SIZE_ROWS="700")
    sandbox = runs.sandbox
    exported = iter(range(100))

    def stalls_late(request):
        late = "message_export" in request and next(exported) > 2
        return BrokenResponse("stall", after=5000) if late else None

    # There are fewer conversations than fill a batch, and more messages.
    sandbox.behaviour.draw = stalls_late
    runs.stop(signal.SIGTERM, STORED, whom=os.kill, TAP_DIXA_WINDOW_DAYS="20")
    sandbox.behaviour.draw = None
    assert runs.state()
    runs.finish()
    assert runs.differ(tables_of(path)) <= {"'' is null"}


@pytest.mark.nightly
def test_json_lines_store_their_state_at_the_end(runs_into, tmp_path):
    runs = runs_into("target-jsonl", TARGET_JSONL_DESTINATION_PATH=str(tmp_path))
    rows = partial(json_lines, tmp_path, "{}-*.jsonl")
    is_kept_as_the_page_says(runs, rows)


@pytest.mark.nightly
def test_csv_stores_its_state_every_five_minutes(runs_into, tmp_path):
    runs = runs_into("target-csv", TARGET_CSV_OUTPUT_PATH=str(tmp_path))
    rows = partial(csv_lines, tmp_path, "{}-[0-9]*.csv")
    is_kept_as_the_page_says(runs, rows, later=HURRIED)


@pytest.mark.nightly
def test_json_lines_on_s3_store_their_state_at_the_end(runs_into, tmp_path, bucket):
    there, stored = bucket
    given = {f"TARGET_S3_JSONL_{name}": value for name, value in there.items()}
    given["TARGET_S3_JSONL_WORK_DIR"] = str(tmp_path / "work")
    runs = runs_into("target-s3-jsonl", **there, **given)
    is_kept_as_the_page_says(runs, lambda: json_lines(stored() / "dixa", "{}-*.jsonl"))


@pytest.mark.nightly
def test_compressed_json_lines_on_s3_store_their_state_every_minute(runs_into, bucket):
    there, stored = bucket
    cloud = json.dumps(pins.cloud(there))
    runs = runs_into("target-s3", **there, TARGET_S3_CLOUD_PROVIDER=cloud)
    later = {"TARGET_S3_MAX_BATCH_AGE": "0"}
    rows = lambda: zipped_lines(stored(), "dixa/{}/**/*.jsonl.gz")  # noqa: E731
    is_kept_as_the_page_says(runs, rows, later=later)


CODE = "from {} import {} as it; print(it._MAX_RECORD_AGE_IN_MINUTES)"


@pytest.mark.parametrize(
    ("loader", "target"),
    [
        (pins.POSTGRES, ("target_postgres.target", "TargetPostgres")),
        (pins.CSV, ("meltanolabs_target_csv.target", "TargetCSV")),
        (pins.SNOWFLAKE, ("target_snowflake.target", "TargetSnowflake")),
    ],
    ids=lambda value: getattr(value, "command", ""),
)
def test_the_sdks_loaders_wait_five_minutes(loader, target):
    command = loader.program("python", "-W", "ignore", "-c", CODE.format(*target))
    done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    assert done.stdout.split()[-1] == "5.0"

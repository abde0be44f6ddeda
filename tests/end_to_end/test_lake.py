"""BATCH files, loaded straight into DuckDB and PostgreSQL: docs/lake.md."""

import json
import os
import signal
import subprocess
import sys
from itertools import count

import psycopg
import pytest
from psycopg import conninfo

from tests.conftest import HOUR, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.anonymized import erase_and_delete
from tests.end_to_end.batches import batches_with_deletes
from tests.end_to_end.conftest import PATH
from tests.end_to_end.everything import ALL, records_of
from tests.end_to_end.loading import DuckDb, Postgres, announced
from tests.events import wait_until
from tests.faults import BrokenResponse

TAP = ("-m", "tap_dixa", "--config", "config.json", "--catalog", "catalog.json")
each_database = pytest.mark.parametrize("database", ["DuckDB", "PostgreSQL"], indirect=True)


@pytest.fixture
def database(request, tmp_path):
    if request.param == "DuckDB":
        return DuckDb(str(tmp_path / "warehouse.duckdb"))
    return Postgres(request.getfixturevalue("postgres"))


def written(sandbox, folder):
    """Write the options of `TAP` into a folder, for all streams."""
    (folder / "config.json").write_text(json.dumps(settings(sandbox)))
    (folder / "catalog.json").write_text(json.dumps(catalog(*ALL)))


STREAMS = ("conversations", "messages", "tags", "queue_members")


@pytest.fixture
def account(account_of):
    return account_of(*STREAMS, conversations=150, days=20)


def files(account, folder):
    """Sync into files of a new folder; give the run, and what Dixa has by then."""
    config = batches_with_deletes(folder / f"files {len(account.runs)}")
    known = records_of(account.sandbox)
    return checks.succeeded(account.sync(**config)), {stream: known[stream] for stream in STREAMS}


@pytest.mark.slow
@each_database
def test_a_database_is_exact_at_first_later_and_after_erasure_and_deletes(
    account, database, tmp_path, evidence
):
    sizes = []
    for _ in range(2):
        run, known = files(account, tmp_path)
        assert database.load(run.output) == 0
        assert database.state() == run.state
        assert not list(tmp_path.glob("files */*"))  # what was loaded is gone
        evidence(f"{database.SCRIPT.name}: rows as they must be", database.holds(known))
        sizes.append((len(known["tags"]), len(known["queue_members"])))
        erase_and_delete(account.sandbox)
    assert all(later < first for first, later in zip(*sizes, strict=True))


@pytest.mark.parametrize(
    "database", ["DuckDB", pytest.param("PostgreSQL", marks=pytest.mark.slow)], indirect=True
)
def test_the_last_record_of_a_key_counts_and_no_text_is_refused(database, tmp_path):
    odd = "\\u0000 \\\\ \u0001\u0002 \\. \"',;\t\r\n \\N \u2028 😀 ''"
    nul = "\u0000 \\\u0000" if isinstance(database, Postgres) else ""
    texts = {1: odd + nul, 2: ""}
    fields = {"id": {"type": "integer"}, "text": {"type": ["string", "null"]}}
    written = [
        [{"id": n % 700, "text": texts.get(n % 700, f"{number} {n}")} for n in range(2_000)]
        for number in range(3)
    ]
    for announced_at_once in (written[:2], written[2:]):
        assert database.load(announced(tmp_path, fields, *announced_at_once)) == 0
        fields["new"] = {"type": ["object", "null"]}
    wanted = {n: f"2 {n + 700 * (1 if n >= 600 else 2)}" for n in range(700)}
    wanted |= {1: (odd + nul).replace("\u0000", "\ufffd"), 2: ""}
    rows = database.rows('select id, text, new from dixa."all" order by id')
    assert rows == [(n, text, None) for n, text in wanted.items()]


@pytest.mark.slow
@each_database
def test_rows_and_state_change_together_wherever_a_load_is_killed(
    account, database, tmp_path, evidence
):
    first, before = files(account, tmp_path)
    assert database.load(first.output) == 0
    erase_and_delete(account.sandbox)
    second, after = files(account, tmp_path)
    killed, state = 0, first.state
    # Each of them meets what the one before it left.
    for calls in count(0, 3):
        if state == second.state or database.load(second.output, calls) == 0:
            break
        killed += 1
        state = database.state()
        assert state in (first.state, second.state)
        database.holds(after if state == second.state else before)
    assert killed > 10
    database.holds(after)
    evidence(f"{database.SCRIPT.name}: killed between two statements", killed)


@pytest.mark.slow
@each_database
def test_a_command_that_is_killed_or_stopped_is_resumed(serve, database, tmp_path, evidence):
    sandbox = serve(conversations=300, days=40)
    written(sandbox, tmp_path)

    def start():
        command = database.recipe(sys.executable, *TAP)
        options = {"stderr": subprocess.PIPE, "text": True, "start_new_session": True}
        return subprocess.Popen(command, cwd=tmp_path, **options)

    def end(kill, number):
        """End a run that waits for messages, after conversations were announced."""
        sandbox.behaviour.faults.extend([None, None, BrokenResponse("stall", after=5000)])
        with start() as process:
            wait_until(lambda: not sandbox.behaviour.faults or process.poll() is not None)
            assert process.poll() is None
            with start() as second:
                _, log = second.communicate()
            assert second.returncode == 1
            assert database.IN_USE in log
            kill(process.pid, number)
            process.stderr.read()
        return process.returncode

    def run():
        with start() as process:
            _, log = process.communicate()
        assert process.returncode == 0, log
        assert not list(tmp_path.glob("*.batches*"))
        return database.holds(records_of(sandbox))

    assert end(os.killpg, signal.SIGKILL) == -signal.SIGKILL
    assert list(tmp_path.glob("*.batches*/*"))
    rows = run()
    sandbox.data.now.now += HOUR
    assert end(os.kill, signal.SIGTERM) == 128 + signal.SIGTERM
    rows += run()
    evidence(f"{database.SCRIPT.name}, after a kill and a signal: rows as they must be", rows)


WAIT = 'touch $0; until [ -e go ]; do sleep 0.05; done; exec python "$@"'


@pytest.mark.slow
def test_two_databases_are_loaded_from_one_folder_at_the_same_time(serve, postgres, tmp_path):
    sandbox = serve(conversations=100, days=10)
    written(sandbox, tmp_path)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("create database other")
    filled, other = Postgres(postgres), Postgres(conninfo.make_conninfo(postgres, dbname="other"))

    def start(database, *command):
        script = database.recipe(*command, *TAP)
        return subprocess.Popen(script, cwd=tmp_path, env={**os.environ, "PATH": PATH})

    with start(filled, sys.executable) as first:
        pass
    assert first.returncode == 0
    sandbox.data.now.now += HOUR
    # The second one starts from the end of what the first one holds, the other from nothing.
    with start(other, "sh", "-c", WAIT, "empty") as empty:
        wait_until((tmp_path / "empty").exists)
        with start(filled, "sh", "-c", WAIT, "full") as full:
            wait_until((tmp_path / "full").exists)
            (tmp_path / "go").touch()
    assert (empty.returncode, full.returncode) == (0, 0)
    for database in (filled, other):
        database.holds(records_of(sandbox))
    assert not list(tmp_path.glob("tap-dixa.batches*"))

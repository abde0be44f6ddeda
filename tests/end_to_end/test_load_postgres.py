"""BATCH files, loaded straight into PostgreSQL: docs/lake.md."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from functools import partial
from itertools import count
from uuid import uuid4

import psycopg
import pytest
from psycopg import conninfo
from psycopg.rows import dict_row

from tests.conftest import HOUR, catalog, settings
from tests.end_to_end import loading
from tests.end_to_end.anonymized import erase_and_delete
from tests.end_to_end.batches import batch_settings
from tests.end_to_end.conftest import PATH
from tests.end_to_end.everything import ALL, records_of
from tests.end_to_end.tables import FIELDS, compare
from tests.events import wait_until
from tests.faults import BrokenResponse

SCRIPT = loading.EXAMPLES / "load_postgres.py"

load = partial(loading.load, "load_postgres.py")


def state_in(database):
    with psycopg.connect(database) as connection:
        ((state,),) = connection.execute("select value from dixa.tap_dixa_state").fetchall()
    return state


def look(database, known):
    """Compare every row, and that every time is a timestamp; give how many rows there are."""
    with psycopg.connect(database, row_factory=dict_row) as connection:
        for stream in known:
            result = connection.execute(f"select * from dixa.{stream}")
            types = {column.name: column.type_display for column in result.description}
            compare(stream, result.fetchall(), known[stream])
            for name, field in FIELDS[stream].items():
                if field.get("format") == "date-time":
                    assert types[name] == "timestamp"
    return sum(map(len, known.values()))


@pytest.mark.slow
def test_postgres_is_exact_at_first_later_and_after_erasure_and_deletes(
    serve, run_tap, postgres, tmp_path, evidence
):
    sandbox = serve(conversations=150, days=20)

    def look_at(known):
        evidence("load_postgres.py: rows as they must be", look(postgres, known))

    loading.check_first_and_later(
        sandbox, run_tap, tmp_path, partial(load, postgres), partial(state_in, postgres), look_at
    )


def announced(folder, fields, records, *, keys=("id",), stream="all"):
    """Write records to a BATCH file; give the messages of a run that announce it."""
    file = folder / f"{uuid4()}.json.gz"
    with gzip.open(file, "wt") as lines:
        lines.writelines(json.dumps(record) + "\n" for record in records)
    messages = [
        {"type": "SCHEMA", "schema": {"properties": fields}, "key_properties": keys},
        {"type": "BATCH", "manifest": [file.as_uri()]},
    ]
    return "\n".join(json.dumps({**message, "stream": stream}) for message in messages)


WAIT = 'touch $0; until [ -e go ]; do sleep 0.05; done; exec python -m tap_dixa "$@"'


@pytest.mark.slow
def test_two_databases_are_loaded_from_one_folder_at_the_same_time(serve, postgres, tmp_path):
    sandbox = serve(conversations=100, days=10)
    (tmp_path / "config.json").write_text(json.dumps(settings(sandbox)))
    (tmp_path / "catalog.json").write_text(json.dumps(catalog(*ALL)))
    options = ["--config", "config.json", "--catalog", "catalog.json"]
    path = {**os.environ, "PATH": PATH}
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("create database other")
    other = conninfo.make_conninfo(postgres, dbname="other")

    def start(database, *command):
        script = [sys.executable, SCRIPT, database]
        return subprocess.Popen([*script, *command, *options], cwd=tmp_path, env=path)

    with start(postgres, sys.executable, "-m", "tap_dixa") as first:
        pass
    assert first.returncode == 0
    sandbox.data.now.now += HOUR
    # The second one starts from the end of what the first one holds, the other from nothing.
    with start(other, "sh", "-c", WAIT, "empty") as empty:
        wait_until((tmp_path / "empty").exists)
        with start(postgres, "sh", "-c", WAIT, "full") as full:
            wait_until((tmp_path / "full").exists)
            (tmp_path / "go").touch()
    assert (empty.returncode, full.returncode) == (0, 0)
    for database in (postgres, other):
        look(database, records_of(sandbox))
    assert not list(tmp_path.glob("tap-dixa.batches*"))


@pytest.mark.slow
def test_the_last_record_of_a_key_counts_and_no_text_is_refused(postgres, tmp_path):
    odd = "\\u0000 \u0000 \\\u0000 \u0001\u0002 \\. \"',;\t\r\n \\N \u2028 😀 ''"
    fields = {"id": {"type": "integer"}, "text": {"type": ["string", "null"]}}
    for number in range(3):
        texts = {1: odd, 2: ""}
        records = [
            {"id": n % 700, "text": texts.get(n % 700, f"{number} {n}")} for n in range(2_000)
        ]
        assert load(postgres, announced(tmp_path, fields, records)) == 0
        fields["new"] = {"type": ["object", "null"]}
    with psycopg.connect(postgres) as connection:
        rows = connection.execute('select id, text, new from dixa."all" order by id').fetchall()
    wanted = {n: f"2 {n + 700 * (1 if n >= 600 else 2)}" for n in range(700)}
    wanted |= {1: odd.replace("\u0000", "\ufffd"), 2: ""}
    assert rows == [(n, text, None) for n, text in wanted.items()]


@pytest.mark.slow
def test_rows_and_state_change_together_wherever_a_load_is_killed(
    serve, run_tap, postgres, tmp_path, evidence
):
    sandbox = serve(conversations=150, days=20)
    first = run_tap(batch_settings(sandbox, tmp_path / "first"), catalog=catalog(*ALL))
    before = records_of(sandbox)
    assert load(postgres, first.output) == 0
    erase_and_delete(sandbox)
    config = batch_settings(sandbox, tmp_path / "second")
    second = run_tap(config, catalog=catalog(*ALL), state=first.state)
    after = records_of(sandbox)
    killed = 0
    # Each of them meets what the one before it left.
    for calls in count(0, 11):
        if load(postgres, second.output, calls) == 0:
            break
        killed += 1
        state = state_in(postgres)
        assert state in (first.state, second.state)
        look(postgres, after if state == second.state else before)
        if state == second.state:
            break
    assert killed > 10
    look(postgres, after)
    evidence("load_postgres.py: killed between two statements", killed)


@pytest.mark.slow
def test_a_command_that_is_killed_or_stopped_is_resumed(serve, postgres, tmp_path, evidence):
    sandbox = serve(conversations=300, days=40)
    (tmp_path / "config.json").write_text(json.dumps(settings(sandbox)))
    (tmp_path / "catalog.json").write_text(json.dumps(catalog(*ALL)))
    command = [sys.executable, SCRIPT, postgres, sys.executable, "-m", "tap_dixa"]
    command += ["--config", "config.json", "--catalog", "catalog.json"]

    def start():
        return subprocess.Popen(
            command,
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )

    def end(signal_number, *, everything):
        """End a run that waits for messages, after conversations were announced."""
        sandbox.behaviour.faults.extend([None, None, BrokenResponse("stall", after=5000)])
        with start() as process:
            wait_until(lambda: not sandbox.behaviour.faults or process.poll() is not None)
            assert process.poll() is None
            with start() as second:
                _, log = second.communicate()
            assert (second.returncode, log) == (
                1,
                "Another run loads into this database: wait until it has ended\n",
            )
            (os.killpg if everything else os.kill)(process.pid, signal_number)
            process.stderr.read()
        return process.returncode

    def run():
        with start() as process:
            _, log = process.communicate()
        assert process.returncode == 0, log
        assert not list(tmp_path.glob("tap-dixa.batches*"))
        return look(postgres, records_of(sandbox))

    assert end(signal.SIGKILL, everything=True) == -signal.SIGKILL
    (folder,) = tmp_path.glob("tap-dixa.batches.*")
    assert list(folder.iterdir())
    rows = run()
    sandbox.data.now.now += HOUR
    assert end(signal.SIGTERM, everything=False) == 128 + signal.SIGTERM
    rows += run()
    evidence("load_postgres.py, after a kill and a signal: rows as they must be", rows)

"""BATCH files, loaded straight into DuckDB: docs/lake.md."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
from contextlib import chdir
from functools import partial
from itertools import count

import duckdb
import pytest

from tests.conftest import HOUR, catalog, settings
from tests.end_to_end import loading
from tests.end_to_end.anonymized import erase_and_delete
from tests.end_to_end.batches import batch_settings
from tests.end_to_end.conftest import PROJECT
from tests.end_to_end.everything import ALL, EVERY, FEW_CONVERSATIONS, records_of
from tests.end_to_end.tables import duckdb_holds
from tests.events import wait_until
from tests.faults import BrokenResponse

PAGE = PROJECT / "docs" / "lake.md"
SCRIPT = loading.EXAMPLES / "load_duckdb.py"
RECIPE = runpy.run_path(str(SCRIPT))
(COPY,) = re.findall(r"^COPY dixa.messages TO .*parquet.*;$", PAGE.read_text(), re.MULTILINE)

load = partial(loading.load, "load_duckdb.py")


def state_in(path):
    with duckdb.connect(path, read_only=True) as tables:
        ((state,),) = tables.execute("select value from main.tap_dixa_state").fetchall()
    return json.loads(state)


def look(path, known):
    """Compare every row; give how many there are."""
    with duckdb.connect(path, read_only=True) as tables:
        duckdb_holds(tables, known)
    return sum(map(len, known.values()))


@pytest.mark.slow
def test_duckdb_is_exact_at_first_later_and_after_erasure_and_deletes(
    serve, run_tap, tmp_path, evidence
):
    sandbox, path = serve(conversations=150, days=20), str(tmp_path / "warehouse.duckdb")

    def look_at(known):
        evidence("load_duckdb.py: rows as they must be", look(path, known))

    known = loading.check_first_and_later(
        sandbox, run_tap, tmp_path, partial(load, path), partial(state_in, path), look_at
    )

    with duckdb.connect(path) as tables, chdir(tmp_path):
        for stream, rows in known.items():
            tables.execute(COPY.replace("messages", stream))
            (found,) = tables.execute(f"select count(*) from '{stream}.parquet'").fetchone()
            differing = f"from dixa.{stream} except from '{stream}.parquet'"
            assert (found, tables.execute(differing).fetchall()) == (len(rows), [])


def test_of_a_key_that_comes_again_the_last_record_counts(tmp_path):
    files = [tmp_path / f"{number}.json" for number in range(3)]
    for number, file in enumerate(files):
        lines = ({"id": n % 700, "text": f"{number} {n}"} for n in range(2_000))
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    fields = {"id": {"type": "integer"}, "text": {"type": ["string", "null"]}}
    path = tmp_path / "warehouse.duckdb"
    for announced in (files[:2], files[2:]):
        schema = {"schema": {"properties": fields}, "key_properties": ["id"]}
        batch = {"manifest": [file.as_uri() for file in announced]}
        messages = [{"type": "SCHEMA", **schema}, {"type": "BATCH", **batch}]
        lines = [json.dumps({**message, "stream": "all"}) for message in messages]
        assert load(path, "\n".join(lines)) == 0
        fields["new"] = {"type": ["object", "null"]}
    with duckdb.connect(path, read_only=True) as tables:
        rows = tables.execute("select id, text, new from dixa.all order by id").fetchall()
    assert rows == [(n, f"2 {n + 700 * (1 if n >= 600 else 2)}", None) for n in range(700)]


@pytest.mark.slow
def test_rows_and_state_change_together_wherever_a_load_is_killed(
    serve, run_tap, tmp_path, evidence
):
    sandbox, path = serve(conversations=150, days=20), tmp_path / "warehouse.duckdb"
    first = run_tap(batch_settings(sandbox, tmp_path / "first"), catalog=catalog(*ALL))
    before = records_of(sandbox)
    assert load(path, first.output) == 0
    kept = shutil.copy(path, tmp_path / "kept.duckdb")
    erase_and_delete(sandbox)
    config = batch_settings(sandbox, tmp_path / "second")
    second = run_tap(config, catalog=catalog(*ALL), state=first.state)
    after = records_of(sandbox)
    killed, seen = 0, []
    for calls in count(0, 11):
        shutil.copy(kept, path)
        path.with_suffix(".duckdb.wal").unlink(missing_ok=True)
        status = load(path, second.output, calls)
        state = state_in(path)
        seen.append(state == second.state)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        killed += 1
        look(str(path), after if state == second.state else before)
        assert state in (first.state, second.state)
    assert killed > 10
    assert seen == sorted(seen)
    look(str(path), after)
    evidence("load_duckdb.py: killed between two statements", killed)


class Command:
    """The recipe as its users run it."""

    def __init__(self, sandbox, folder):
        self.folder, self.path = folder, folder / "warehouse.duckdb"
        (folder / "config.json").write_text(json.dumps(settings(sandbox)))
        (folder / "catalog.json").write_text(json.dumps(catalog(*EVERY)))
        self.command = [sys.executable, SCRIPT, self.path, sys.executable, "-m", "tap_dixa"]
        self.command += ["--config", folder / "config.json", "--catalog", folder / "catalog.json"]

    def start(self):
        return subprocess.Popen(self.command, stderr=subprocess.DEVNULL, start_new_session=True)

    def run(self):
        with self.start() as process:
            assert process.wait() == 0


@pytest.mark.slow
def test_a_command_that_is_killed_or_stopped_is_resumed(serve, tmp_path, evidence):
    sandbox = serve(conversations=300, days=40)
    recipe = Command(sandbox, tmp_path)
    with duckdb.connect(recipe.path) as warehouse:
        RECIPE["Loader"](warehouse)
        state = json.dumps(FEW_CONVERSATIONS)
        warehouse.execute("insert into main.tap_dixa_state values (?)", [state])

    def end(signal_number, *, everything):
        """End a run that waits for messages, after conversations were announced."""
        sandbox.behaviour.faults.extend([None, None, BrokenResponse("stall", after=5000)])
        with recipe.start() as process:
            wait_until(lambda: not sandbox.behaviour.faults or process.poll() is not None)
            assert process.poll() is None
            (os.killpg if everything else os.kill)(process.pid, signal_number)
        return process.returncode

    assert end(signal.SIGKILL, everything=True) == -signal.SIGKILL
    assert list(tmp_path.glob("warehouse.duckdb.batches/*"))
    recipe.run()
    rows = look(recipe.path, records_of(sandbox))
    with duckdb.connect(recipe.path, read_only=True) as tables:
        found = tables.execute("select * from dixa.conversation_notes").fetchall()
        assert len({row[1] for row in found}) == len(found) > 0
    sandbox.data.now.now += HOUR
    assert end(signal.SIGTERM, everything=False) == 128 + signal.SIGTERM
    recipe.run()
    rows += look(recipe.path, records_of(sandbox))
    assert not list(tmp_path.glob("warehouse.duckdb.batches"))
    evidence("load_duckdb.py, after a kill and a signal: rows as they must be", rows)

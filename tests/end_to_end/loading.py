"""The recipes of docs/lake.md, each fed with what runs announced."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import catalog
from tests.end_to_end import checks
from tests.end_to_end.anonymized import erase_and_delete
from tests.end_to_end.batches import batch_settings
from tests.end_to_end.conftest import PROJECT
from tests.end_to_end.everything import records_of

EXAMPLES = PROJECT / "examples"
CONNECT = {
    "load_duckdb.py": "import duckdb; connection = duckdb.connect(database)",
    "load_postgres.py": "import psycopg; connection = psycopg.connect(database, autocommit=True)",
}
KILLED = """
import json, os, runpy, signal, sys

class Killed:
    def __init__(self, connection, calls):
        self.connection, self.calls = connection, calls

    def __getattr__(self, name):
        self.calls -= 1
        if self.calls < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return getattr(self.connection, name)

script, connect, database, calls = sys.argv[1:]
recipe = runpy.run_path(script)["Loader"]
recipe.read.__globals__["FILES_PER_LOAD"] = 1_000  # one transaction
exec(connect)
loader = recipe(Killed(connection, int(calls)))
for line in sys.stdin:
    loader.read(json.loads(line))
loader.load()
"""


def load(recipe, database, messages, calls=1_000_000):
    """Load what messages announce, in a process of its own that is killed at some call."""
    command = [sys.executable, "-c", KILLED, EXAMPLES / recipe, CONNECT[recipe], database]
    command.append(str(calls))
    return subprocess.run(command, input=messages, encoding="utf-8", check=False).returncode


def check_first_and_later(sandbox, run_tap, folder, load, state_in, look):
    """Load a run, then one after erasure and deletes; look at both, and give what is known then."""
    streams = ("conversations", "messages", "tags", "queue_members")

    def sync(state, name):
        config = batch_settings(sandbox, folder / name)
        run = checks.succeeded(run_tap(config, catalog=catalog(*streams), state=state))
        assert load(run.output) == 0
        assert state_in() == run.state
        assert not list((folder / name).iterdir())  # what was loaded is gone
        known = records_of(sandbox)
        known = {stream: known[stream] for stream in streams}
        look(known)
        return run, known

    first, before = sync({}, "first")
    erase_and_delete(sandbox)
    _, known = sync(first.state, "second")
    for stream in ("tags", "queue_members"):
        assert len(known[stream]) < len(before[stream])
    return known

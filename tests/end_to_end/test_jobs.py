"""The jobs of meltano.yml, one after the other, in one warehouse."""

from __future__ import annotations

import json
from collections import Counter

import duckdb
import pytest

from tests import expected
from tests.conftest import HOUR
from tests.end_to_end.conftest import environment_of
from tests.end_to_end.everything import KEYS, LISTS, key, records_of

REPLICATION_KEYS = {**expected.CURSORS, "activity_logs": "activityTimestamp"}
LOOKBACK = 600_000

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("duckdb")]


def state_id(extractor):
    return f"dev:{extractor}-to-target-duckdb"


@pytest.fixture
def job(serve, project, tmp_path):
    """Give a function that runs a job and says what it requested and which rows it loaded."""
    there, sandbox = project("target-duckdb"), serve(conversations=300, days=40)
    path = str(tmp_path / "warehouse.duckdb")
    environment = {
        **environment_of(sandbox),
        "TARGET_DUCKDB_PATH": path,
        # States of its own: other tests run Meltano in the same project.
        "MELTANO_DATABASE_URI": f"sqlite:///{tmp_path}/meltano.db",
    }
    loaded = {}

    def rows(stream):
        columns = ", ".join(KEYS.get(stream, ("id",)))
        with duckdb.connect(path, read_only=True) as warehouse:
            found = warehouse.execute(f"select {columns}, _sdc_batched_at from dixa.{stream}")
            return {tuple(key): batch for *key, batch in found.fetchall()}

    def run(name):
        del sandbox.answered[:]
        there.run("run", name, **environment)
        before = dict(loaded)
        for stream in records_of(sandbox):
            loaded[stream] = rows(stream)
        requests = Counter(path.rpartition("/")[2] for path, _, _ in sandbox.answered)
        assert {status for _, _, status in sandbox.answered} == {200}
        new = {
            stream: {row for row in found if before.get(stream, {}).get(row) != found[row]}
            for stream, found in loaded.items()
        }
        return requests, new

    def meltano(*arguments):
        return there.run(*arguments, **environment)

    run.sandbox, run.meltano, run.rows = sandbox, meltano, rows
    return run


def bookmarks(records):
    """Give the newest replication key of each incremental stream, in Unix ms."""
    return {
        stream: max(expected.milliseconds(record[name]) for record in records[stream].values())
        for stream, name in REPLICATION_KEYS.items()
    }


def test_two_jobs_take_over_from_one(job, evidence):
    sandbox = job.sandbox
    job("dixa-to-duckdb")
    known = records_of(sandbox)
    assert {stream: job.rows(stream).keys() for stream in known} == {
        stream: records.keys() for stream, records in known.items()
    }
    one, two = state_id("tap-dixa"), state_id("tap-dixa-hourly")
    job.meltano("state", "copy", "--force", one, two)

    (removed, *_), *_ = known["tags"]
    sandbox.data.directory.remove(removed)
    for _ in range(2):
        since = bookmarks(known)
        sandbox.data.now.now += HOUR
        known = records_of(sandbox)

        requests, new = job("dixa-hourly")
        # Messages and the log each look for conversations that were anonymized, and messages look
        # in the log for those that were redacted.
        assert requests == {"conversation_export": 3, "message_export": 1, "activitylog": 2}
        for stream, name in REPLICATION_KEYS.items():
            changed = {
                key(stream, record)
                for record in known[stream].values()
                if expected.milliseconds(record[name]) >= since[stream] - LOOKBACK
            }
            assert 0 < len(changed) < len(known[stream]) / 2
            assert new.pop(stream) == changed
        assert not any(new.values())

        requests, new = job("dixa-daily")
        assert requests.keys().isdisjoint({"conversation_export", "message_export", "activitylog"})
        for stream in LISTS:
            assert new.pop(stream) == known[stream].keys()
        assert not any(new.values())
        evidence("rows that the hourly or the daily job had to load", sum(map(len, known.values())))
    # DuckDB's loader ignores ACTIVATE_VERSION.
    assert job.rows("tags").keys() == known["tags"].keys() | {(removed,)}

    listed = job.meltano("--log-level=error", "state", "list").split()
    jobs = {*map(state_id, ("tap-dixa", "tap-dixa-hourly", "tap-dixa-daily"))}
    assert jobs <= set(listed)
    assert len(listed) == len(set(listed))
    states = {
        name: json.loads(job.meltano("--log-level=error", "state", "get", name)) for name in jobs
    }
    found = {name: state["singer_state"]["bookmarks"] for name, state in states.items()}
    newest = {stream: expected.iso(moment) for stream, moment in bookmarks(known).items()}
    for stream, moment in newest.items():
        assert found[two][stream]["replication_key_value"] == moment
        assert found[one][stream]["replication_key_value"] < moment
    assert not any(found[state_id("tap-dixa-daily")].values())

"""The jobs of meltano.yml, one after the other, in one warehouse."""

from __future__ import annotations

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


class Jobs:
    """The jobs of a Meltano project, which sync an account into a DuckDB."""

    def __init__(self, sandbox, project, folder):
        self.sandbox, self._project, self._path = sandbox, project, str(folder / "warehouse.duckdb")
        self._environment = {
            **environment_of(sandbox),
            "TARGET_DUCKDB_PATH": self._path,
            # States of its own: other tests run Meltano in the same project.
            "MELTANO_DATABASE_URI": f"sqlite:///{folder}/meltano.db",
        }
        self._loaded = {}

    def meltano(self, *arguments):
        return self._project.run(*arguments, **self._environment)

    def rows(self, stream):
        """Give when each row of a stream was loaded, by key."""
        columns = ", ".join(KEYS.get(stream, ("id",)))
        with duckdb.connect(self._path, read_only=True) as warehouse:
            found = warehouse.execute(f"select {columns}, _sdc_batched_at from dixa.{stream}")
            return {tuple(key): batch for *key, batch in found.fetchall()}

    def run(self, name):
        """Run a job; count what it requested, and give the rows that it loaded, by stream."""
        del self.sandbox.answered[:]
        self.meltano("run", name)
        requests = Counter(path.rpartition("/")[2] for path, _, _ in self.sandbox.answered)
        assert {status for _, _, status in self.sandbox.answered} == {200}
        before, self._loaded = self._loaded, {s: self.rows(s) for s in records_of(self.sandbox)}
        new = {
            stream: {row for row in found if before.get(stream, {}).get(row) != found[row]}
            for stream, found in self._loaded.items()
        }
        return requests, new


def test_two_jobs_take_over_from_one(serve, project, tmp_path, evidence):
    sandbox = serve(conversations=300, days=40)
    jobs = Jobs(sandbox, project("target-duckdb"), tmp_path)
    jobs.run("dixa-to-duckdb")
    known = records_of(sandbox)
    assert {stream: jobs.rows(stream).keys() for stream in known} == {
        stream: records.keys() for stream, records in known.items()
    }
    one, two = (f"dev:{name}-to-target-duckdb" for name in ("tap-dixa", "tap-dixa-hourly"))
    jobs.meltano("state", "copy", "--force", one, two)

    (removed, *_), *_ = known["tags"]
    sandbox.data.directory.remove(removed)
    for _ in range(2):
        since = {
            stream: max(expected.milliseconds(record[name]) for record in known[stream].values())
            for stream, name in REPLICATION_KEYS.items()
        }
        sandbox.data.now.now += HOUR
        known = records_of(sandbox)

        requests, new = jobs.run("dixa-hourly")
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

        requests, new = jobs.run("dixa-daily")
        assert requests.keys().isdisjoint({"conversation_export", "message_export", "activitylog"})
        for stream in LISTS:
            assert new.pop(stream) == known[stream].keys()
        assert not any(new.values())
        evidence("rows that the hourly or the daily job had to load", sum(map(len, known.values())))
    # DuckDB's loader ignores ACTIVATE_VERSION.
    assert jobs.rows("tags").keys() == known["tags"].keys() | {(removed,)}

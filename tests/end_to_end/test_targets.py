"""What `meltano run` carries into the loaders of meltano.yml, alone and in its jobs."""

import re
from collections import Counter
from functools import partial

import duckdb
import pytest

from tap_dixa.streams import STREAMS
from tests import expected
from tests.conftest import HOUR, settings
from tests.end_to_end.conftest import environment_of
from tests.end_to_end.everything import LISTS, by_key, records_of
from tests.end_to_end.tables import FIELDS, duckdb_rows

pytestmark = pytest.mark.slow

REPLICATION_KEYS = {**expected.CURSORS, "activity_logs": "activityTimestamp"}
EXPORTED = {"conversation_export", "message_export", "activitylog"}


@pytest.mark.xdist_group("jsonl")
def test_meltano_lists_every_field_and_hides_the_token(serve, project):
    run = partial(project("target-jsonl").run, **environment_of(serve()))
    listed = run("select", "tap-dixa", "--list", "--all")
    marks = {field: mark for mark, field in re.findall(r"\n\t\[(\w+) *\] (\S+)", listed)}
    off = {stream.name for stream in STREAMS if not stream.selected_by_default}
    assert marks.keys() >= {f"{stream}.{name}" for stream in FIELDS for name in FIELDS[stream]}
    for field, mark in marks.items():
        assert (mark == "excluded") == (field.partition(".")[0] in off), field
    given = settings(serve())
    printed = run("--log-level=error", "config", "print", "tap-dixa")
    assert given.pop("api_token") not in printed
    assert given["start_date"] in printed


@pytest.mark.nightly
@pytest.mark.xdist_group("duckdb")
def test_two_jobs_take_over_from_one(serve, project, tmp_path):
    sandbox, there = serve(conversations=300, days=40), project("target-duckdb")
    path = str(tmp_path / "warehouse.duckdb")
    # States of its own: other tests run Meltano in the same project.
    own = {"MELTANO_DATABASE_URI": f"sqlite:///{tmp_path}/meltano.db", "TARGET_DUCKDB_PATH": path}
    environment = {**environment_of(sandbox), **own}
    batches = {}

    def run(name):
        """Run a job; count what it requested, and give the keys that it loaded, by stream."""
        del sandbox.answered[:]
        there.run("run", name, **environment)
        assert {status for _, _, status in sandbox.answered} == {200}
        requests = Counter(path.rpartition("/")[2] for path, _, _ in sandbox.answered)
        new = {}
        with duckdb.connect(path, read_only=True) as tables:
            for stream in FIELDS.keys() & records_of(sandbox).keys():
                rows = by_key(stream, duckdb_rows(tables, stream))
                found = {one: row["_sdc_batched_at"] for one, row in rows.items()}
                before = batches.get(stream, {})
                new[stream] = {one for one, time in found.items() if before.get(one) != time}
                batches[stream] = found
        return requests, new

    _, new = run("dixa-to-duckdb")
    known = records_of(sandbox)
    assert new == {stream: records.keys() for stream, records in known.items()}
    one, two = (f"dev:{name}-to-target-duckdb" for name in ("tap-dixa", "tap-dixa-hourly"))
    there.run("state", "copy", "--force", one, two, **environment)

    (removed, *_), *_ = known["tags"]
    sandbox.data.directory.remove(removed)
    for _ in range(2):
        before = known
        sandbox.data.now.now += HOUR
        requests, new = run("dixa-hourly")
        # Messages and the log each look for conversations that were anonymized, and messages look
        # in the log for those that were redacted.
        assert requests == {"conversation_export": 3, "message_export": 1, "activitylog": 2}
        known = records_of(sandbox)
        for stream in REPLICATION_KEYS:
            changed = {k for k, record in known[stream].items() if before[stream].get(k) != record}
            assert changed <= new[stream]
            assert 0 < len(new.pop(stream)) < len(known[stream]) / 2
        assert not any(new.values())

        requests, new = run("dixa-daily")
        assert requests.keys().isdisjoint(EXPORTED)
        assert all(new.pop(stream) == known[stream].keys() for stream in LISTS)
        assert not any(new.values())
    # DuckDB's loader ignores ACTIVATE_VERSION.
    assert batches["tags"].keys() == known["tags"].keys() | {(removed,)}

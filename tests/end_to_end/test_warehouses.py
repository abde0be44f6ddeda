"""What a warehouse holds after several runs: joins, deletes, erasure."""

from __future__ import annotations

import re
import runpy
import sys
from contextlib import closing

import duckdb
import psycopg
import pytest

from docs.generate.joins import JOINS
from tests import expected
from tests.conftest import Run, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.anonymized import anonymize
from tests.end_to_end.batches import batch_config, batched
from tests.end_to_end.conftest import PROJECT
from tests.end_to_end.everything import ALL, EVERY, key
from tests.end_to_end.tables import duckdb_holds


def values(column):
    """Write the SQL for what a field holds, one row a value: ``tags_info[].id`` is in an array."""
    name, *path = re.split(r"(?=[.\[])", column, maxsplit=1)
    if not path:
        return name
    inner = f"json_extract_string({name}, '${path[0].replace('[]', '[*]')}')"
    return f"unnest({inner})" if "[]" in column else inner


def orphans(join):
    """Write the query that counts a join's values, and those of them that join nothing."""
    parents = " union all ".join(f"select {join.key} from dixa.{name}" for name in join.parents)
    return (
        f"with child as (select {values(join.field)} as value from dixa.{join.stream})"
        f" select count(value), count(*) filter (value not in ({parents})) from child"
    )


ORPHANS = {f"{join.stream}.{join.field}": orphans(join) for join in JOINS}
UNSEEN = {"end_users.customAttributes[].id"}  # as in Dixa's own list


def left_of(sandbox, ids):
    """Give what the messages of these conversations must say now."""
    return {
        key: (record.get("text"), record.get("author_name"))
        for key, record in expected.records(sandbox.data, "messages").items()
        if record["csid"] in ids
    }


@pytest.mark.slow
@pytest.mark.xdist_group("duckdb")
def test_duckdb_has_one_row_a_key_equal_to_the_last_record(warehouse, evidence):
    runs = (warehouse.first, warehouse.second)
    known = {
        stream: {key(stream, record): record for run in runs for record in run.records(stream)}
        for stream in ALL
    }
    with duckdb.connect(str(warehouse.path), read_only=True) as tables:
        duckdb_holds(tables, known)
    evidence("target-duckdb, fed directly: rows as they must be", sum(map(len, known.values())))


@pytest.mark.slow
@pytest.mark.xdist_group("duckdb")
def test_duckdb_joins_hold_and_the_erased_leaves(warehouse, evidence):
    for run in (warehouse.first, warehouse.second):
        checks.succeeded(run)
    with duckdb.connect(str(warehouse.path), read_only=True) as tables:
        for what, query in ORPHANS.items():
            found, lost = tables.execute(query).fetchone()
            assert lost == 0, what
            assert (found == 0) == (what in UNSEEN), what
        for stream in EVERY:
            rows = tables.execute(f"select count(*) from dixa.{stream}").fetchone()
            assert rows[0] >= len(warehouse.first.records(stream)) > 0
        found = tables.execute(
            "select id, text, author_name from dixa.messages where csid in ?",
            [list(warehouse.erased)],
        ).fetchall()
        (kinds,) = tables.execute(
            "select typeof(activitytimestamp) || typeof(attributes) from dixa.activity_logs limit 1"
        ).fetchall()
    assert kinds == ("TIMESTAMPJSON",)
    wanted = left_of(warehouse.sandbox, warehouse.erased)
    assert {key: (text, author) for key, text, author in found} == wanted
    evidence("joins without an orphan in DuckDB", len(ORPHANS))


@pytest.mark.slow
@pytest.mark.xdist_group("duckdb")
def test_the_summary_has_every_table(warehouse, capsys, monkeypatch):
    summary = runpy.run_path(str(PROJECT / "examples" / "summary.py"))
    monkeypatch.setattr(sys, "argv", ["summary.py", str(warehouse.path)])
    summary["main"]()
    shown = capsys.readouterr().out
    assert all(re.search(rf"^ *{stream} +[1-9]", shown, re.MULTILINE) for stream in EVERY), shown


@pytest.mark.slow
@pytest.mark.xdist_group("postgres")
@pytest.mark.parametrize("batches", [False, True], ids=["records", "batches"])
def test_postgres_removes_deleted_rows(serve, run_tap, load, postgres, tmp_path, batches):
    feed = load("target-postgres", sqlalchemy_url=postgres, hard_delete=True)
    sandbox = serve(conversations=150, days=10)
    config = settings(sandbox, emit_activate_version_messages=True)
    if batches:
        config["batch_config"] = batch_config(tmp_path / "batches")
    chosen = catalog("messages", "agents", "tags", "teams", "team_members", "queue_members")
    first = run_tap(config, catalog=chosen)
    feed(first)
    listed = sandbox.data.directory
    records = batched if batches else Run.records
    agent, tag = records(first, "agents")[0]["id"], records(first, "tags")[0]["id"]
    member = records(first, "queue_members")[-1]
    listed.remove(agent)
    listed.remove(tag)
    listed.remove_member(member["queueId"], member["agentId"])
    erased = anonymize(sandbox)
    second = checks.succeeded(run_tap(config, catalog=chosen, state=first.state))
    feed(second)
    with closing(psycopg.connect(postgres)) as connection:

        def keys(stream, *columns):
            names = ", ".join(f'"{column}"' for column in columns)
            return set(connection.execute(f"select {names} from dixa.{stream}").fetchall())

        for stream, columns in {
            "agents": ("id",),
            "tags": ("id",),
            "teams": ("id",),
            "team_members": ("teamId", "id"),
            "queue_members": ("queueId", "agentId"),
        }.items():
            now = {tuple(r[c] for c in columns) for r in records(second, stream)}
            assert keys(stream, *columns) == now
            before = {tuple(r[c] for c in columns) for r in records(first, stream)}
            assert (now < before) == (stream != "teams")
        found = connection.execute(
            "select id, text, author_name from dixa.messages where csid = any(%s)",
            [list(erased)],
        ).fetchall()
    assert {key: (text, author) for key, text, author in found} == left_of(sandbox, erased)
    assert len(records(first, "messages")) > len(found) > 0

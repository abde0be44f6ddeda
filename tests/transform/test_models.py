"""dbt's models on tables that were loaded: every figure, every test, and what was erased."""

import json
import os
import re
import signal
import subprocess
from collections import defaultdict
from datetime import UTC
from shutil import copytree, ignore_patterns

import pytest

from tests import expected
from tests.conftest import HOUR, catalog, settings
from tests.end_to_end.anonymized import anonymize, erase_and_delete, redact
from tests.end_to_end.batches import batches_with_deletes
from tests.end_to_end.conftest import PATH, PROGRAMS, PROJECT, environment_of
from tests.end_to_end.everything import ALL
from tests.end_to_end.loading import DuckDb, Postgres
from tests.pages import blocks
from tests.transform.figures import ZONE, Figures
from tests.transform.models import TRANSFORM, Models

pytestmark = pytest.mark.slow
each_database = pytest.mark.parametrize("models", ["DuckDB", "PostgreSQL"], indirect=True)
SAMPLE = {"conversations": 200, "days": 15}
(QUERIES,) = blocks("transform.md", "sql").values()


@pytest.fixture
def models(request, tmp_path):
    if request.param == "DuckDB":
        return Models(DuckDb(str(tmp_path / "warehouse.duckdb")), tmp_path)
    return Models(Postgres(request.getfixturevalue("postgres")), tmp_path)


def load_own(models, sandbox, *streams):
    """Run tap-dixa-load."""
    folder = models.folder
    (folder / "config.json").write_text(json.dumps(settings(sandbox)))
    (folder / "catalog.json").write_text(json.dumps(catalog(*(streams or ALL))))
    options = ("--config", "config.json", "--catalog", "catalog.json")
    command = models.database.command(*options)
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr


def same(row, wanted):
    """Whether a row has these values; fractions may differ in the last digits."""
    return all(
        row[name] == pytest.approx(value, abs=1e-6)
        if isinstance(value, float) and row[name] is not None
        else row[name] == value
        for name, value in wanted.items()
    )


def marts_are(models, figures):
    """Every row and every figure of the marts is as computed."""
    for mart, keys, wanted in (
        ("conversations", ("conversation_id",), figures.all_conversations()),
        ("agents_daily", ("agent_id", "day"), figures.agents_daily()),
        ("queues_hourly", ("queue_id", "hour"), figures.queues_hourly()),
        ("csat_weekly", ("week", "queue_id"), figures.csat_weekly()),
    ):
        rows = models.rows(f"select * from dixa_models.{mart}")
        found = {tuple(row[key] for key in keys): row for row in rows}
        if len(keys) == 1:
            found = {key: row for (key,), row in found.items()}
        assert found.keys() == wanted.keys(), mart
        different = [
            (found[key], wanted[key]) for key in found if not same(found[key], wanted[key])
        ]
        assert not different, (mart, different[0])


@each_database
def test_every_figure_is_that_of_the_sandbox_after_each_load(models, serve):
    sandbox = serve(**SAMPLE)
    load_own(models, sandbox)
    warned, _ = models.build()
    assert not warned
    marts_are(models, Figures(sandbox))
    for query in QUERIES.strip().split("\n"):
        assert models.rows(query), query

    agent = sandbox.data.desk.agents[0].id
    erased = erase_and_delete(sandbox)
    (redacted, *_) = redact(sandbox)
    load_own(models, sandbox)
    models.build()
    marts_are(models, Figures(sandbox))

    assert not models.rows(f"select * from dixa_models.stg_dixa__agents where agent_id = '{agent}'")
    ids = ", ".join(map(str, erased))
    which = f"where conversation_id in ({ids})"
    for row in models.rows(f"select * from dixa_models.conversations {which}"):
        assert row["is_anonymized"]
        assert row["end_user_id"] is None
    (message,) = models.rows(
        f"select text from dixa_models.stg_dixa__messages where message_id = '{redacted['id']}'"
    )
    assert not message["text"]


def entry(number, kind, csid, time, author=None, **attributes):
    """Give a log entry that the sandbox has none of."""
    made = {
        "id": f"made {number}",
        "conversationId": csid,
        "activityTimestamp": time,
        "_type": kind,
    }
    return {**made, "author": {"id": author}, "attributes": attributes}


@pytest.mark.nightly
@each_database
def test_transfers_claims_and_reopened_conversations_come_from_the_log(models, serve):
    sandbox = serve(**SAMPLE)
    load_own(models, sandbox)
    known = [*expected.records(sandbox.data, "conversations").values()]
    taken = sorted((c for c in known if c.get("queue_id")), key=lambda c: c["id"])
    csid, queued, agent = taken[5]["id"], taken[5]["queued_at"], taken[5]["assignee_id"]
    other = next(c["assignee_id"] for c in known if c["assignee_id"] != agent)
    queue = {"queueId": "q1", "queueName": "VIP"}
    offered = sandbox.data.directory.queues[0]
    destination = {"destinationType": "Queue", "destinationId": "q2", "destinationLabel": "Two"}
    day = "2026-03-12T10:0"
    more = [
        entry(0, "ConversationReserved", csid, queued, **queue),
        entry(1, "ConversationClaimed", csid, queued, author=other),  # before it was assigned
        entry(2, "ConversationOffered", csid, f"{day}0:00.000Z", queueLabel=offered["name"]),
        entry(3, "TransferInitiated", csid, f"{day}1:00.000Z", author=agent, **destination),
        entry(4, "TransferSuccessful", csid, f"{day}2:00.000Z", author=agent, **destination),
        entry(5, "TransferFailed", csid, f"{day}3:00.000Z", reason="busy"),
        entry(6, "ConversationUnassigned", csid, f"{day}4:00.000Z", agent={"id": agent}),
        entry(7, "ConversationReopened", csid, f"{day}5:00.000Z"),
    ]
    names = ("id", "conversationId", "activityTimestamp", "_type", "author", "attributes")
    for made in more:
        values = [json.dumps(v) if isinstance(v, dict) else str(v) for v in made.values()]
        quoted = ", ".join(f"'{value}'" for value in values)
        columns = ", ".join(f'"{name}"' for name in names)
        models.execute(f"insert into dixa.activity_logs ({columns}) values ({quoted})")
    models.build()
    figures = Figures(sandbox, more)
    assert figures.conversation(figures.conversations[csid])["wait_seconds"] == 0
    marts_are(models, figures)

    def of(table, order):
        where = f"where conversation_id = {csid} order by {order}"
        return models.rows(f"select * from dixa_models.{table} {where}")

    first, second = of("conversation_assignments", "assigned_at")
    assert (first["agent_id"], first["is_claimed"]) == (other, True)
    assert (second["agent_id"], second["is_claimed"]) == (agent, False)
    assert first["ended_at"] == second["assigned_at"]
    assert f"{second['ended_at']}" == "2026-03-12 10:04:00"
    transfers = of("conversation_transfers", "occurred_at")
    assert [row["outcome"] for row in transfers] == ["initiated", "successful", "failed"]
    assert {row["destination_id"] for row in transfers} == {"q2", None}
    queues = {row["event"]: row["queue_id"] for row in of("conversation_queues", "occurred_at")}
    assert queues == {
        "entered": taken[5]["queue_id"],
        "reserved": "q1",
        "offered": offered["id"],
        "transferred": "q2",
    }


@pytest.mark.nightly
@each_database
def test_a_holiday_is_not_in_business_hours(models, serve):
    sandbox = serve(**SAMPLE)
    load_own(models, sandbox)
    every_year = {"dayOfMonth": 4, "monthOfYear": 3}
    all_day = [{"startTime": "00:00", "endTime": "00:00"}]
    rules = [
        {"status": "Closed", "startDate": "2026-03-03", "intervals": []},
        {"status": "Closed", "startDate": "2025-03-04", "recurring": every_year},
        {"status": "Open", "startDate": "2026-03-05", "intervals": all_day},
    ]
    models.execute(f"update dixa.business_hours_definitions set exceptions = '{json.dumps(rules)}'")
    models.build()
    wanted = Figures(sandbox).all_conversations()
    for row in models.rows("select * from dixa_models.conversations"):
        usual = wanted[row["conversation_id"]]["is_in_business_hours"]
        day = f"{row['created_at'].replace(tzinfo=UTC).astimezone(ZONE):%m-%d}"
        special = {"03-03": False, "03-04": False, "03-05": True}
        assert row["is_in_business_hours"] is special.get(day, usual)


@pytest.mark.parametrize(
    "models", ["DuckDB", pytest.param("PostgreSQL", marks=pytest.mark.nightly)], indirect=True
)
def test_missing_conversations_are_named_as_csids_until_they_are_loaded(models, serve):
    sandbox = serve(**SAMPLE)
    load_own(models, sandbox)
    ids = sorted(expected.source(sandbox.data, "conversations"))
    gone = [ids[30], ids[31], ids[150], ids[-2]]
    which = f"where id in ({', '.join(map(str, gone))})"
    models.execute(f"create table dixa.kept as select * from dixa.conversations {which}")
    models.execute(f"delete from dixa.conversations {which}")

    chosen = ("--select", "+no_gap_in_conversation_ids", "--indirect-selection", "cautious")

    def named(*options):
        warned, output = models.build(*chosen, *options)
        assert bool(warned) is ("csids" in output)
        return [int(n) for ids in re.findall(r"csids (\S+)\n", output) for n in ids.split(",")]

    # What is before a conversation of the last day may come with the next run.
    for hours, missing in ((25, gone), (23, gone[:-1])):
        time = f"(select max(updated_at) from dixa.conversations) - interval '{hours} hours'"
        models.execute(f"update dixa.conversations set created_at = {time} where id = {ids[-1]}")
        assert named() == missing
    models.execute("insert into dixa.conversations select * from dixa.kept")
    assert named() == []
    # Somebody has asked for a conversation from before the start date.
    models.execute(
        "insert into dixa.conversations (id, created_at, updated_at)"
        f" values ({ids[0] - 9}, '2025-01-01', '2025-01-01')"
    )
    assert len(named()) == 8
    assert named("--vars", "{loaded_since: '2026-01-01'}") == []


@pytest.mark.nightly
@each_database
def test_json_in_texts_and_an_agent_that_was_made_again_change_no_figure(models, serve):
    sandbox = serve(**SAMPLE)
    load_own(models, sandbox)
    for table, column in (("conversations", "ratings"), ("activity_logs", "attributes")):
        models.execute(f"alter table dixa.{table} alter column {column} type varchar")
    twice = "select '0', upper(email) from dixa.agents where email is not null"
    models.execute(f"insert into dixa.agents (id, email) {twice} limit 1")
    models.build()
    marts_are(models, Figures(sandbox))


@pytest.mark.nightly
@each_database
def test_streams_that_were_not_loaded_have_no_rows(models, serve):
    load_own(models, serve(**SAMPLE), "conversations")
    warned, output = models.build()
    assert not warned, output
    figures = "count(*) as known, count(answered_at) as answered, max(message_count) as messages"
    (row,) = models.rows(f"select {figures} from dixa_models.conversations")
    assert row["known"]
    assert (row["answered"], row["messages"]) == (0, 0)


@pytest.mark.nightly
@each_database
def test_a_second_build_writes_what_changed_alone(models, serve):
    sandbox = serve(**SAMPLE)
    load_own(models, sandbox)
    models.build()
    written = ", xmin::text" if models.kind == "postgres" else ""  # when a row was written
    query = f"select conversation_id{written} from dixa_models.conversations"
    before, built = Figures(sandbox).all_conversations(), models.rows(query)
    erase_and_delete(sandbox)
    load_own(models, sandbox)
    (lost,) = models.rows("select max(csid) as id from dixa.messages")
    models.execute(f"delete from dixa.messages where csid = {lost['id']}")
    # What a new version corrects has the same updated_at.
    models.execute("update dixa.conversations set handling_duration = 7 where id % 50 = 0")
    models.build()
    kept = {row["conversation_id"] for row in models.rows(query) if row in built}
    after = Figures(sandbox).all_conversations()
    same_as_before = {csid for csid, c in after.items() if c == before.get(csid)}
    corrected = {csid for csid in after if csid % 50 == 0}
    if written:
        assert kept == same_as_before - corrected - {lost["id"]}
        assert len(after) > len(kept) > len(after) / 2
    figures = "select * from dixa_models.conversations order by conversation_id"
    incremental = models.rows(figures)
    models.build("--full-refresh")
    assert models.rows(figures) == incremental


@pytest.mark.nightly
@each_database
def test_after_a_killed_load_the_figures_are_those_before_it(models, account_of, tmp_path):
    encoding = {"format": "jsonl", "compression": "none"}
    config = batches_with_deletes(tmp_path / "files", encoding=encoding)
    account = account_of(*ALL, config=config, **SAMPLE)
    assert models.database.load(account.synced().output) == (0, "")
    models.build()
    before = Figures(account.sandbox)
    erase_and_delete(account.sandbox)
    second = account.synced().output
    assert models.database.load(second, calls=60) == (-signal.SIGKILL, "")
    models.build()
    marts_are(models, before)
    assert models.database.load(second) == (0, "")
    models.build()
    marts_are(models, Figures(account.sandbox))


@pytest.mark.nightly
@pytest.mark.xdist_group("duckdb")
@pytest.mark.parametrize("models", ["DuckDB"], indirect=True)
@pytest.mark.parametrize("loader", ["tap-dixa-load", "target-duckdb"])
def test_ten_loads_and_builds_in_turn(loader, models, account_of, load):
    account = account_of(*ALL, config={"emit_activate_version_messages": True}, **SAMPLE)
    feed = None if loader == "tap-dixa-load" else load(loader)
    for _ in range(10):
        if feed:
            feed(account.synced())
        else:
            load_own(models, account.sandbox)
        models.build()
        marts_are(models, Figures(account.sandbox))
        account.wait(HOUR // 4)


@pytest.mark.nightly
@each_database
def test_every_column_is_described_in_the_database_too_and_has_its_type(models, serve):
    load_own(models, serve(**SAMPLE))
    models.build()
    status, output = models.dbt("docs", "generate")
    assert status == 0, output
    nodes = json.loads((models.folder / "target" / "catalog.json").read_text())["nodes"]
    assert len(nodes) == len([*TRANSFORM.glob("models/*/*.sql")])
    described = json.loads((models.folder / "target" / "manifest.json").read_text())["nodes"]
    types = defaultdict(set)
    for key, node in nodes.items():
        assert node["metadata"]["comment"]
        for name, column in node["columns"].items():
            assert column["comment"]
            types[described[key]["columns"][name]["data_type"]].add(column["type"])
    assert all(len(found) == 1 for found in types.values()), types


@pytest.mark.nightly
def test_one_command_loads_builds_and_sums_up_from_an_empty_home(tmp_path):
    for name in ("examples", "transform"):
        copytree(PROJECT / name, tmp_path / name, ignore=ignore_patterns("target", "logs"))
    (tmp_path / "home").mkdir()
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "PATH": PATH}
    command = (PROGRAMS / "tap-dixa-sandbox", "demo", "--models", "--conversations", "300")
    for _ in range(2):
        shown = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            check=True,
            capture_output=True,
            encoding="utf-8",
        ).stdout
        assert re.search(r"Orders +\d+ +\d+ +\d+ min +\d+% of \d+", shown), shown


@pytest.mark.nightly
@pytest.mark.parametrize("models", ["DuckDB"], indirect=True)
def test_another_project_uses_them_as_a_package(models, serve, tmp_path):
    load_own(models, serve(**SAMPLE))
    models.project = tmp_path / "own"
    (models.project / "models").mkdir(parents=True)
    for name, text in (
        ("dbt_project.yml", "{name: own, profile: tap_dixa, vars: {csat_satisfied: 5}}"),
        ("packages.yml", f"packages: [{{local: '{TRANSFORM}'}}]"),
        ("models/best.sql", "select sum(satisfied) as best from {{ ref('csat_weekly') }}"),
    ):
        (models.project / name).write_text(text)
    for command in ("deps", "build"):
        status, output = models.dbt(command)
        assert status == 0, output
    (row,) = models.rows("select best from dixa_models.best")
    ratings = "from dixa_models.conversation_ratings where rating_type = 'csat' and score = 5"
    assert models.rows(f"select count(*) as best {ratings}") == [row]


@pytest.mark.nightly
@pytest.mark.xdist_group("duckdb")
def test_meltano_builds_them_after_a_load(project, serve):
    meltano = project("target-duckdb")
    folder = meltano.folder / "transform"
    copytree(TRANSFORM, folder, ignore=ignore_patterns("target", "logs"), dirs_exist_ok=True)
    meltano.run("install", "utility", "dbt-duckdb")
    sandbox = serve(**SAMPLE)
    block = ("tap-dixa", "target-duckdb", "dbt-duckdb:build")
    output = meltano.run("run", "--full-refresh", *block, **environment_of(sandbox))
    assert re.search(r"WARN=0 ERROR=0", output)
    database = DuckDb(str(meltano.folder / "warehouse.duckdb"))
    marts_are(Models(database, meltano.folder), Figures(sandbox))


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("loader", "models"),
    [
        pytest.param(loader, database, marks=pytest.mark.xdist_group(loader.partition("-")[2]))
        for loader, database in (("target-duckdb", "DuckDB"), ("target-postgres", "PostgreSQL"))
    ],
    indirect=["models"],
)
def test_what_other_loaders_have_loaded_gives_the_same_figures(
    loader, models, load, project, serve, run_tap
):
    sandbox = serve(**SAMPLE)
    if loader == "target-duckdb":
        feed = load(loader, batch_size_rows=100)  # it works in the same folder
    else:
        feed = load(loader, batch_size_rows=100, sqlalchemy_url=models.database.name)
    config = settings(sandbox, emit_activate_version_messages=True)
    first = run_tap(config, catalog=catalog(*ALL))
    messages = first.output.encode()
    with subprocess.Popen(
        [project(loader).program(loader), "--config", "target.json"],
        cwd=models.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as killed:
        killed.stdin.write(messages[: len(messages) * 2 // 3])
        killed.kill()
    models.build()
    (row,) = models.rows("select count(*) as built from dixa_models.conversations")
    assert 0 < row["built"] <= SAMPLE["conversations"] * 1.1
    feed(first)
    models.build()
    marts_are(models, Figures(sandbox))
    # target-duckdb keeps what was deleted in Dixa.
    (anonymize if loader == "target-duckdb" else erase_and_delete)(sandbox)
    feed(run_tap(config, catalog=catalog(*ALL), state=first.state))
    models.build()
    marts_are(models, Figures(sandbox))
    deleted = models.rows("select * from dixa_models.stg_dixa__deleted_rows order by stream")
    streams = {row["stream"] for row in deleted}
    gone = {"agents", "queue_members", "tags", "team_members"}
    assert streams == (gone if loader == "target-postgres" else set())

"""What tap-dixa-load leaves in DuckDB and in PostgreSQL."""

import json
import os
import signal
import subprocess
import sys
import time
from hashlib import md5
from itertools import count

import psycopg
import pytest

from tests import expected
from tests.conftest import DAY, EXPORTS, HOUR, NOON, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.anonymized import erase_and_delete, redact
from tests.end_to_end.batches import batches_with_deletes
from tests.end_to_end.everything import ALL, EVERY, by_key, records_of
from tests.end_to_end.loading import Database, DuckDb, Folder, Postgres, announced
from tests.events import wait_until
from tests.faults import BrokenResponse

OPTIONS = ("--config", "config.json", "--catalog", "catalog.json")
each_database = pytest.mark.parametrize("database", ["DuckDB", "PostgreSQL"], indirect=True)


@pytest.fixture
def database(request, tmp_path):
    if request.param == "DuckDB":
        return DuckDb(str(tmp_path / "warehouse.duckdb"))
    if request.param == "folder":
        return Folder(f"{tmp_path}/lake/")
    return Postgres(request.getfixturevalue("postgres"))


def written(sandbox, folder):
    """Write what `OPTIONS` name into a folder, for all streams."""
    (folder / "config.json").write_text(json.dumps(settings(sandbox)))
    (folder / "catalog.json").write_text(json.dumps(catalog(*ALL)))


STREAMS = ("conversations", "messages", "tags", "queue_members")


@pytest.fixture
def account(account_of):
    return account_of(*STREAMS, conversations=150, days=20)


def files(account, folder):
    """Sync into files of a new folder; give the run, and what Dixa has by then."""
    encoding = {"format": "jsonl", "compression": "none"}
    config = batches_with_deletes(folder / f"files {len(account.runs)}", encoding=encoding)
    known = records_of(account.sandbox)
    # The SDK's version of a run is a second: two runs in one could not tell what was deleted.
    now = int(time.time())
    wait_until(lambda: int(time.time()) > now)
    return checks.succeeded(account.sync(**config)), {stream: known[stream] for stream in STREAMS}


def load(database, folder, *options):
    """Run the command; give the lines of its table."""
    command = database.command("--config", "config.json", *options)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def held(runs):
    """Give what the records of runs leave in a table, by stream and key."""
    rows = {}
    for message in (message for run in runs for message in run.messages):
        if message["type"] == "RECORD":
            rows.setdefault(message["stream"], []).append(message)
        elif message["type"] == "ACTIVATE_VERSION":
            stream, version = message["stream"], message["version"]
            rows[stream] = [row for row in rows[stream] if row["version"] == version]
    return {
        stream: by_key(stream, [message["record"] for message in messages])
        for stream, messages in rows.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("database", ["DuckDB", "PostgreSQL", "folder"], indirect=True)
def test_every_stream_is_exact_at_first_later_and_after_erasure_and_deletes(
    account_of, database, tmp_path
):
    options = {"emit_activate_version_messages": True}
    account = account_of(*EVERY, config=options, conversations=40, days=10)
    (tmp_path / "config.json").write_text(json.dumps(settings(account.sandbox)))
    (tmp_path / "catalog.json").write_text(json.dumps(catalog(*EVERY)))
    sizes = []
    for change in (erase_and_delete, redact, lambda _: None):
        account.synced()
        known = held(account.runs)
        table = load(database, tmp_path, "--catalog", "catalog.json")
        totals = {line.split()[0]: line.split()[-1] for line in table[1:]}
        assert totals.keys() == set(EVERY)
        if isinstance(database, Database):
            wanted = {stream: f"{len(rows):,}" for stream, rows in known.items()}
            assert totals == dict.fromkeys(EVERY, "0") | wanted
        sizes.append((len(known["tags"]), len(known["queue_members"])))
        change(account.sandbox)
    assert all(later < first for first, later, _ in zip(*sizes, strict=True))


MAPS = {
    "agents": {"email": None},
    "messages": {"author_name": "md5(author_name) if author_name else None"},
}


@pytest.mark.slow
@each_database
def test_a_map_that_is_added_later_reaches_older_rows_with_a_full_refresh(
    serve, database, tmp_path
):
    sandbox = serve(conversations=60, days=10)
    config = settings(sandbox)
    for name, maps in (("config", {}), ("mapped", {"stream_maps": MAPS})):
        (tmp_path / f"{name}.json").write_text(json.dumps({**config, **maps}))
    load(database, tmp_path, "--streams", "agents, messages,conversations")
    names = dict(database.rows("select id, author_name from dixa.messages"))
    assert any(names.values())
    assert all(email for (email,) in database.rows("select email from dixa.agents"))
    bookmarks = database.state()["bookmarks"]
    options = ("--config", "mapped.json", "--streams", "agents,messages", "--full-refresh")
    load(database, tmp_path, *options)
    assert database.state()["bookmarks"]["conversations"] == bookmarks["conversations"]
    found = dict(database.rows("select id, author_name from dixa.messages"))
    hashed = {key: name and md5(name.encode()).hexdigest() for key, name in names.items()}  # noqa: S324
    assert found == hashed
    assert not any(email for (email,) in database.rows("select email from dixa.agents"))


def test_a_start_date_and_streams_are_those_of_the_command(serve, tmp_path, monkeypatch):
    monkeypatch.setenv("TAP_DIXA_START_DATE", "2026-03-11")
    monkeypatch.setenv("TAP_DIXA_BATCH_CONFIG", "{}")
    sandbox = serve(conversations=60, days=10)
    (tmp_path / "config.json").write_text(json.dumps(settings(sandbox)))
    database = DuckDb(str(tmp_path / "warehouse.duckdb"))
    start = expected.iso(NOON - 2 * DAY)
    options = ("--config", "ENV", "--streams", "messages", "--start-date", start)
    table = load(database, tmp_path, *options)
    known = expected.records(sandbox.data, "messages", NOON - 2 * DAY)
    assert [line.split() for line in table[1:]] == [
        ["messages", str(len(known)), "0", str(len(known))]
    ]
    database.holds({"messages": by_key("messages", known.values())})


def test_conversations_that_a_warehouse_lacks_are_loaded_again(serve, tmp_path):
    sandbox, nobody = serve(conversations=300, days=60), 10**9
    database = DuckDb(str(tmp_path / "warehouse.duckdb"))
    written(sandbox, tmp_path)
    load(database, tmp_path, "--streams", "conversations,messages")
    state = database.state()
    known = {name: by_key(name, expected.records(sandbox.data, name).values()) for name in EXPORTS}
    ids = [csid for (csid,) in [*known["conversations"]][7:250:100]]
    listed = ",".join(map(str, ids))
    with database.connect() as tables:
        tables.execute(f"delete from dixa.conversations where id in ({listed})")
        tables.execute(f"delete from dixa.messages where csid in ({listed})")
    (tmp_path / "asked.json").write_text(json.dumps({"conversation_ids": [*ids, nobody]}))
    table = load(database, tmp_path, "--config", "asked.json", "--full-refresh")
    lost = sum(record["csid"] in ids for record in known["messages"].values())
    assert [line.split() for line in table[1:]] == [
        ["conversations", "3", "0", str(len(known["conversations"]))],
        ["messages", str(lost), "0", str(len(known["messages"]))],
    ]
    database.holds(known)
    assert database.state() == state


FILE = "tap-dixa--tags-20260311T120000000000Z-1-000001.json.gz"
REFUSED = {
    "a stream": (["lake", "--streams", "message"], "Did you mean messages?"),
    "two selections": (["lake", "--streams", "tags", "--catalog", "c.json"], "not both"),
    "a protocol": (["mysql://host/database"], "A destination is like warehouse.duckdb"),
    "an address without its scheme": (["me@host/warehouse"], "is no folder"),
    "no server": (["postgresql://127.0.0.1:1/x"], "Connection refused"),
    "no database": (["lake/file"], "not a valid DuckDB database file"),
    "a password with @": (["postgresql://me:s3@cret@host/x"], "write %40 for @"),
    "a password with /": (["postgresql://me:s3/cret@host/x"], "%2F for /"),
    "a password with %": (["postgresql://me:s3%cret@host/x"], "%25 for %"),
    "an empty lake.json": (["empty"], "JSONDecodeError"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_loaded_is_said_in_one_line(case, tmp_path):
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "file").write_text("text" * 100)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "lake.json").touch()
    (tmp_path / "empty" / FILE).touch()
    options, said = REFUSED[case]
    command = [sys.executable, "-m", "tap_dixa.load", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert said in done.stderr
    assert "cret" not in done.stderr
    assert (tmp_path / "empty" / FILE).exists()


@pytest.mark.parametrize("destination", ["file:a b%20ü#?[x]/", "~/lake/"])
def test_a_folder_may_have_any_name(serve, destination, tmp_path):
    written(serve(conversations=10, days=2), tmp_path)
    home, temporary = tmp_path / "home", tmp_path / f"tmp {destination}".replace("/", "")
    home.mkdir()
    temporary.mkdir()
    environment = {**os.environ, "HOME": str(home), "TMPDIR": str(temporary)}
    before = set(tmp_path.iterdir())
    for name in (destination, f"{temporary}.duckdb"):
        command = Folder(name).command("--config", "config.json", "--streams", "tags")
        subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    lakes = [file.parent for file in tmp_path.rglob("lake.json")]
    (lake,) = map(Folder, map(str, lakes))
    assert len(lake.rows()["tags"]) == 14
    made = set(tmp_path.iterdir()) - before - set(lakes)
    assert made == {temporary.with_name(f"{temporary.name}.duckdb")}


@pytest.mark.parametrize(
    "database", ["DuckDB", pytest.param("PostgreSQL", marks=pytest.mark.slow)], indirect=True
)
def test_the_last_record_of_a_key_counts_and_no_text_is_refused(database, tmp_path):
    odd = "\\u0000 \\\\ \u0001\u0002 \\. \"',;\t\r\n \\N \u2028 😀 ''"
    texts = {1: odd, 2: ""}
    fields = {"id": {"type": "integer"}, "text": {"type": ["string", "null"]}}
    written = [
        [{"id": n % 700, "text": texts.get(n % 700, f"{number} {n}")} for n in range(2_000)]
        for number in range(3)
    ]
    for announced_at_once in (written[:2], written[2:]):
        assert database.load(announced(tmp_path, fields, *announced_at_once)) == (0, "")
        fields["new"] = {"type": ["object", "null"]}
    wanted = {n: f"2 {n + 700 * (1 if n >= 600 else 2)}" for n in range(700)}
    wanted |= {1: odd, 2: ""}
    rows = database.rows('select id, text, new from dixa."all" order by id')
    assert rows == [(n, text, None) for n, text in wanted.items()]


@pytest.mark.slow
@each_database
def test_rows_and_state_change_together_wherever_a_load_is_killed(account, database, tmp_path):
    first, before = files(account, tmp_path)
    assert database.load(first.output) == (0, "")
    erase_and_delete(account.sandbox)
    second, after = files(account, tmp_path)
    killed, state = 0, first.state
    # Each of them meets what the one before it left.
    for calls in count(0, 2):
        if state == second.state or database.load(second.output, calls) == (0, ""):
            break
        killed += 1
        state = database.state()
        assert state in (first.state, second.state)
        database.holds(after if state == second.state else before)
    assert killed >= 12
    database.holds(after)


@pytest.mark.slow
@pytest.mark.parametrize("database", ["DuckDB", "PostgreSQL", "folder"], indirect=True)
def test_a_command_that_is_killed_or_stopped_is_resumed(serve, database, tmp_path):
    sandbox = serve(conversations=300, days=40)
    written(sandbox, tmp_path)

    def start():
        command = database.command(*OPTIONS)
        options = {"stderr": subprocess.PIPE, "text": True, "start_new_session": True}
        environment = {**os.environ, "TMPDIR": str(tmp_path)}
        return subprocess.Popen(command, cwd=tmp_path, env=environment, **options)

    def end(kill, number):
        """End a run that waits for messages, after conversations were announced."""
        sandbox.behaviour.faults.extend([None, None, BrokenResponse("stall", after=5000)])
        with start() as process:
            wait_until(lambda: not sandbox.behaviour.faults or process.poll() is not None)
            assert process.poll() is None
            with start() as second:
                _, log = second.communicate()
            assert (second.returncode, log.count("\n")) == (1, 1)
            assert database.IN_USE in log
            kill(process.pid, number)
            process.stderr.read()
        return process.returncode

    def run():
        with start() as process:
            _, log = process.communicate()
        assert process.returncode == 0, log
        assert not database.files(tmp_path)
        database.holds(records_of(sandbox))

    assert end(os.killpg, signal.SIGKILL) == -signal.SIGKILL
    assert isinstance(database, Folder) or database.files(tmp_path)
    run()
    sandbox.data.now.now += HOUR
    assert end(os.kill, signal.SIGTERM) == 128 + signal.SIGTERM
    run()


@pytest.mark.slow
def test_destinations_are_loaded_from_one_folder_at_the_same_time(serve, postgres, tmp_path):
    sandbox = serve(conversations=100, days=10)
    written(sandbox, tmp_path)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("create database other")
    databases = [
        Postgres(postgres),
        Postgres(postgres.replace("/postgres?", "/other?")),
        DuckDb(str(tmp_path / "warehouse.duckdb")),
    ]
    for _ in range(2):
        started = [subprocess.Popen(each.command(*OPTIONS), cwd=tmp_path) for each in databases]
        assert [process.wait() for process in started] == [0, 0, 0]
        for database in databases:
            database.holds(records_of(sandbox))
        sandbox.data.now.now += HOUR


CHANGED = {  # two types of a field, a value of each, and the texts of what is held then
    "a number to a text": (["integer", "string"], [7, "seven"], ["7", "seven"]),
    "a text to a list": (["string", "array"], ["a", ["b"]], ['"a"', '["b"]']),
    "an object to a text": (["object", "string"], [{"a": 1}, "b"], ['{"a":1}', "b"]),
}


@pytest.mark.parametrize("case", CHANGED)
@pytest.mark.parametrize(
    "database", ["DuckDB", pytest.param("PostgreSQL", marks=pytest.mark.slow)], indirect=True
)
def test_a_map_may_change_the_type_of_a_column(database, case, tmp_path):
    kinds, values, wanted = CHANGED[case]
    for number, (kind, value) in enumerate(zip(kinds, values, strict=True)):
        fields = {"id": {"type": "integer"}, "value": {"type": kind}}
        messages = announced(tmp_path, fields, [{"id": number, "value": value}])
        assert database.load(messages) == (0, "")
    rows = [value for (value,) in database.rows('select value::text from dixa."all" order by id')]
    assert [value.replace(" ", "") for value in rows] == wanted


def test_duckdb_refuses_another_key_in_one_line(tmp_path):
    database = DuckDb(str(tmp_path / "warehouse.duckdb"))
    fields = {"id": {"type": "string"}, "key": {"type": "string"}}
    rows = [{"id": "a", "key": "b"}]
    assert database.load(announced(tmp_path, {"id": fields["id"]}, rows)) == (0, "")
    status, log = database.load(announced(tmp_path, fields, rows, keys=["key"]))
    assert (status, log.count("\n"), "the key of dixa" in log) == (1, 1, True)
    assert database.rows('select id from dixa."all"') == [("a",)]

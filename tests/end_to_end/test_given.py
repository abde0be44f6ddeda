"""What a run makes of options, files and an environment that it cannot use: one line."""

import copy
import json
import os
import resource
import subprocess
import sys
from functools import partial

import pytest

from tests.conftest import catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import rows
from tests.faults import Refusal

TOKEN = "t0ken-that-must-not-be-seen"  # noqa: S105
ENVIRONMENT = ["--config=ENV"]


@pytest.fixture
def refused(serve, run_tap):
    """Give a function that sees a run end with one line, before its first request."""

    def run(*arguments, environment=None, streams=("tags",), **changes):
        sandbox = serve(token=TOKEN)
        files = {} if {"--catalog", "--test"} & {*arguments} else {"catalog": catalog(*streams)}
        run = run_tap(settings(sandbox, **changes), *arguments, environment=environment, **files)
        assert sandbox.answered == run.of("RECORD") == []
        assert TOKEN not in run.log
        return checks.failed(run)

    return run


PLAIN = {"format": "jsonl", "compression": "none"}


def batches(encoding=PLAIN, **storage):
    return {"batch_config": {"encoding": encoding, "storage": {"root": "file:///tmp", **storage}}}


FLAT = {"flattening_enabled": True, "flattening_max_depth": 1}


@pytest.mark.parametrize(
    ("arguments", "environment", "changes", "said"),
    [
        *(
            ([option, f'{{"api_token": "{TOKEN}"}}'], {}, {}, f"{option} expects a file name")
            for option in ("--config", "--state", "--catalog")
        ),
        ([], {}, {"start_date": "yesterday"}, "start_date"),
        (["--test"], {}, {"api_token": ""}, "api_token"),
        (["--catalog", "pyproject.toml"], {}, {}, "--catalog"),
        (["--state", "a b [1].json"], {}, {}, "--state a b [1].json cannot be read: No such file"),
        (ENVIRONMENT, {"TAP_DIXA_WINDOW_DAYS": "{x"}, {}, "TAP_DIXA_WINDOW_DAYS"),
        ([], {}, batches(root="gopher://x"), "storage.root"),
        ([], {}, batches(root="file:///dev/null/x"), "storage.root"),
        ([], {}, batches(root="~/batches"), "storage.root ~/batches begins with ~"),
        ([], {}, batches(prefix="../x"), "storage.prefix"),
        ([], {}, batches({**PLAIN, "format": "parquet"}), "Use jsonl"),
    ],
)
def test_what_cannot_be_used_is_named_before_the_first_request(
    refused, arguments, environment, changes, said
):
    assert said in refused(*arguments, environment=environment, **changes)


@pytest.mark.parametrize(
    ("length", "stream"), [(10, "conversations"), (7, "queue_members"), (16, "contact_endpoints")]
)
def test_flattened_names_that_are_too_short_are_refused(refused, length, stream):
    said = refused(streams=[stream], flattening_max_key_length=length, **FLAT)
    assert f"flattening_max_key_length is too small for {stream}" in said


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"TMPDIR": "no/such/folder"}, "TMPDIR names a folder that cannot be written to"),
        ({"TMPDIR": "", "TEMP": "/dev/null"}, "TEMP names a folder that cannot be written to"),
        ({"SINGER_SDK_LOG_CONFIG": "/"}, "SINGER_SDK_LOG_CONFIG"),
        ({"SINGER_SDK_LOG_CONFIG": "pyproject.toml"}, "SINGER_SDK_LOG_CONFIG"),
        ({"TAP_DIXA_LOGLEVEL": "", "LOGLEVEL": "loud"}, "Unknown level: 'LOUD'. TAP_DIXA_LOGLEVEL"),
    ],
)
@pytest.mark.parametrize("arguments", [[], ["--test"]])
def test_an_environment_that_cannot_be_used_is_named(serve, run_tap, variables, said, arguments):
    sandbox = serve(token=TOKEN)
    run = run_tap(settings(sandbox), *arguments, environment=variables)
    assert run.status == 1
    assert sum(said in line for line in run.log.splitlines()) == 1
    assert "Traceback" not in run.log
    assert run.messages == sandbox.answered == []


def test_files_are_utf_8_whatever_the_locale(serve, tmp_path):
    chosen = copy.deepcopy(catalog("tags"))
    chosen["streams"][0]["schema"]["properties"]["name"]["description"] = "Größe …"
    files = {
        "config": {**settings(serve(days=5)), "comment": "Größe …"},
        "catalog": chosen,
        "state": {"bookmarks": {"Größe": {"é": 1}}},
    }
    arguments = []
    for option, content in files.items():
        path = tmp_path / f"{option}.json"
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8-sig")
        arguments += [f"--{option}", str(path)]
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    # Compose and Helm set a variable without a value to nothing.
    unset = ("LOGLEVEL", "TAP_DIXA_LOGLEVEL", "SINGER_SDK_LOG_CONFIG", "TAP_DIXA_STREAM_MAPS")
    environment |= dict.fromkeys([*unset, "TAP_DIXA_WINDOW_DAYS"], "")
    done = subprocess.run(
        [sys.executable, "-m", "tap_dixa", *arguments, *ENVIRONMENT],
        env={**os.environ, **environment},
        capture_output=True,
        check=True,
    )
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert messages[-1]["value"]["bookmarks"]["Größe"] == {"é": 1}
    (schema,) = (message for message in messages if message["type"] == "SCHEMA")
    assert schema["schema"]["properties"]["name"]["description"] == "Größe …"


def test_a_prefix_with_a_slash_is_a_folder(account_of, tmp_path):
    account = account_of("tags", config=batches(root=tmp_path.as_uri(), prefix="a/b/dixa-"))
    (message,) = checks.succeeded(account.sync()).of("BATCH")
    (path,) = (tmp_path / "a" / "b").iterdir()
    assert [path.as_uri()] == message["manifest"]
    assert path.name.startswith("dixa-")
    assert path.read_text().count("\n") == len(rows(account.sandbox)["tags"])


UNEXPECTED = """
from tap_dixa.__main__ import main
from tap_dixa.tap import TapDixa

class Torn:
    def __del__(self):
        raise OSError("torn twice")

def fail(self):
    torn = Torn()
    raise LookupError("something\\nsurprising")

TapDixa.sync_streams = fail
main()
"""


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_whatever_escapes_is_one_line_and_its_traceback_is_logged_for_who_asks(account_of, level):
    environment = {"TAP_DIXA_LOGLEVEL": level}
    account = account_of("tags", token=TOKEN)
    run = account.sync(program=["-c", UNEXPECTED], environment=environment)
    assert run.status == 1
    (line,) = run.errors
    assert "unexpected LookupError: something surprising. TAP_DIXA_LOGLEVEL=DEBUG" in line
    assert ("Traceback" in run.log) == (level == "DEBUG")
    assert "torn twice" not in run.log
    assert TOKEN not in run.log


WINDOWS = """
import os
from tap_dixa.__main__ import main
os.name = "nt"
main()
"""


def test_where_the_tap_does_not_run_it_says_so(account_of):
    account = account_of("tags")
    run = account.sync(program=["-c", WINDOWS])
    assert run.status == 1
    assert run.log == "tap-dixa runs on Linux and macOS. On Windows use WSL\n"
    assert account.answered == []


@pytest.mark.parametrize(
    ("status", "advice"), [(404, "exports_api_url"), (302, "exports_api_url"), (499, "499")]
)
def test_a_refusal_ends_the_stream_at_once_with_one_line(account_of, status, advice):
    headers = {"Location": "http://127.0.0.1:1/elsewhere"}
    refusal = Refusal(status, headers, f"not with\n\x1b[31m{'-' * 180}{TOKEN}!")
    account = account_of("conversations", token=TOKEN, faults=[refusal])
    run = account.sync()
    error = checks.failed(run)
    assert advice in error
    assert str(status) in error
    assert len(account.answered) == 1
    assert TOKEN[:8] not in run.log + run.output
    assert "\x1b" not in run.log


@pytest.mark.parametrize("files", [6, 9])
def test_too_few_open_files_are_said_in_one_line(account_of, files):
    limit = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (files, files))
    account = account_of("conversations", "messages", conversations=20, days=2)
    run = account.sync(before=limit, parallel_downloads=1)
    if run.status:
        assert "Too many open files" in run.errors[-1]
    assert "usable temporary" not in run.log
    assert ("could not be written" in run.log) == ("ulimit -n" in run.log)


def test_a_full_disk_is_said_in_one_line(account_of):
    small_files = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (60_000, 60_000))
    account = account_of("conversations", "messages", conversations=400)
    error = checks.failed(account.sync(before=small_files))
    assert "TMPDIR" in error
    assert "window_days" in error

"""What a run makes of options, files and an environment that it cannot use: one line."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys

import pytest

from tests.conftest import catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import rows

TOKEN = "t0ken-that-must-not-be-seen"  # noqa: S105


def ended_with_one_line(run, said):
    """Check that a run ended with one line, without a traceback and without the token."""
    assert said in checks.failed(run)
    assert TOKEN not in run.log + run.output


@pytest.mark.parametrize("option", ["--config", "--state", "--catalog"])
def test_json_on_the_command_line_is_refused_and_not_shown(serve, run_tap, option):
    sandbox = serve(token=TOKEN)
    config = settings(sandbox)
    run = run_tap(config, option, json.dumps(config))
    ended_with_one_line(run, f"{option} expects a file name")
    assert sandbox.answered == []


def test_files_are_utf_8_whatever_the_locale(serve, tmp_path):
    sandbox = serve(days=5)
    chosen = copy.deepcopy(catalog("tags"))
    chosen["streams"][0]["schema"]["properties"]["name"]["description"] = "Größe …"
    files = {
        "config": {**settings(sandbox), "comment": "Größe …"},
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
    environment |= dict.fromkeys(("LOGLEVEL", "TAP_DIXA_LOGLEVEL", "SINGER_SDK_LOG_CONFIG"), "")
    done = subprocess.run(
        [sys.executable, "-m", "tap_dixa", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert messages[-1]["value"]["bookmarks"]["Größe"] == {"é": 1}
    (schema,) = (message for message in messages if message["type"] == "SCHEMA")
    assert schema["schema"]["properties"]["name"]["description"] == "Größe …"


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
    assert run.messages == []
    assert sandbox.answered == []


BATCHES = {
    "an unknown kind": ({"root": "gopher://x"}, {}, "storage.root"),
    "no folder": ({"root": "file:///dev/null/x"}, {}, "storage.root"),
    "a prefix above": ({"prefix": "../x"}, {}, "storage.prefix"),
    "parquet": ({}, {"format": "parquet"}, "Use jsonl"),
}


@pytest.mark.parametrize(("storage", "encoding", "said"), BATCHES.values(), ids=BATCHES)
def test_batch_files_that_cannot_be_written_are_refused(
    serve, run_tap, tmp_path, storage, encoding, said
):
    sandbox = serve(token=TOKEN)
    config = {
        "encoding": {"format": "jsonl", "compression": "gzip", **encoding},
        "storage": {"root": tmp_path.as_uri(), "prefix": "a/b/", **storage},
    }
    ended_with_one_line(
        run_tap(settings(sandbox, batch_config=config), catalog=catalog("tags")), said
    )
    assert sandbox.answered == []


def test_a_prefix_with_a_slash_is_a_folder(serve, run_tap, tmp_path):
    sandbox = serve(days=5)
    config = {
        "encoding": {"format": "jsonl", "compression": "none"},
        "storage": {"root": tmp_path.as_uri(), "prefix": "a/b/dixa-"},
    }
    run = checks.succeeded(run_tap(settings(sandbox, batch_config=config), catalog=catalog("tags")))
    (message,) = run.of("BATCH")
    (url,) = message["manifest"]
    (path,) = (tmp_path / "a" / "b").iterdir()
    assert path.as_uri() == url
    assert path.name.startswith("dixa-")
    assert path.read_text().count("\n") == len(rows(sandbox)["tags"])


def test_flattened_names_that_are_too_short_are_refused(serve, run_tap):
    sandbox = serve(token=TOKEN)
    flat = {"flattening_enabled": True, "flattening_max_depth": 1}
    for length, stream in ((10, "conversations"), (7, "queue_members"), (16, "contact_endpoints")):
        config = settings(sandbox, **flat, flattening_max_key_length=length)
        run = run_tap(config, catalog=catalog(stream))
        ended_with_one_line(run, f"flattening_max_key_length is too small for {stream}")
    # It is no reason to refuse other streams.
    checks.succeeded(run_tap(config, catalog=catalog("tags")))


def test_another_key_is_for_a_stream_map_to_set(serve, run_tap):
    sandbox = serve()
    maps = {"conversations": {"__key_properties__": ["id", "updated_at"]}}
    run = run_tap(settings(sandbox, stream_maps=maps), catalog=catalog("conversations"))
    checks.succeeded(run)
    (schema,) = run.of("SCHEMA")
    assert schema["key_properties"] == ["id", "updated_at"]


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
def test_whatever_escapes_is_one_line_and_its_traceback_is_logged_for_who_asks(
    serve, run_tap, level
):
    run = run_tap(
        settings(serve(token=TOKEN)),
        program=["-c", UNEXPECTED],
        environment={"TAP_DIXA_LOGLEVEL": level},
    )
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


def test_where_the_tap_does_not_run_it_says_so(serve, run_tap):
    sandbox = serve()
    run = run_tap(settings(sandbox), program=["-c", WINDOWS])
    assert run.status == 1
    assert run.log == "tap-dixa runs on Linux and macOS. On Windows use WSL\n"
    assert sandbox.answered == []

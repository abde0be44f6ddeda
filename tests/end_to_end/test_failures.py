"""What goes wrong on the way, made by the sandbox; and what only a person can fix."""

from __future__ import annotations

import resource
from functools import partial

import pytest

from tests.conftest import catalog, settings
from tests.end_to_end import checks
from tests.faults import Refusal


@pytest.mark.parametrize(
    ("status", "advice"), [(404, "exports_api_url"), (302, "exports_api_url"), (499, "499")]
)
def test_a_refusal_ends_the_stream_at_once_with_one_line(serve, run_tap, status, advice):
    sandbox = serve()
    token = sandbox.behaviour.token
    headers = {"Location": "http://127.0.0.1:1/elsewhere"}
    refusal = Refusal(status, headers, f"not with\n\x1b[31m{'-' * 180}{token}!")
    sandbox.behaviour.faults.append(refusal)
    run = run_tap(settings(sandbox), catalog=catalog("conversations"))
    error = checks.failed(run)
    assert advice in error
    assert str(status) in error
    assert len(sandbox.answered) == 1
    assert token[:8] not in run.log.replace("tap-dixa-sandbox", "") + str(run.messages)
    assert "\x1b" not in run.log


@pytest.mark.parametrize(
    ("setting", "arguments", "environment", "said"),
    [
        ({"start_date": "yesterday"}, [], {}, "start_date"),
        ({"api_token": ""}, ["--test"], {}, "api_token"),
        ({}, ["--catalog", "pyproject.toml"], {}, "--catalog"),
        ({}, ["--config=ENV"], {"TAP_DIXA_WINDOW_DAYS": "{x"}, "TAP_DIXA_WINDOW_DAYS"),
    ],
    ids=["setting", "test", "file", "variable"],
)
def test_what_cannot_be_used_is_named_before_the_first_request(
    serve, run_tap, setting, arguments, environment, said
):
    sandbox = serve()
    run = run_tap(settings(sandbox, **setting), *arguments, environment=environment)
    assert said in checks.failed(run)
    assert run.messages == []
    assert sandbox.answered == []


def test_an_empty_variable_is_none(serve, run_tap):
    sandbox = serve()
    environment = {"TAP_DIXA_WINDOW_DAYS": "", "TAP_DIXA_STREAM_MAPS": ""}
    checks.succeeded(run_tap(settings(sandbox), "--config=ENV", environment=environment))


@pytest.mark.parametrize("files", [6, 9])
def test_too_few_open_files_are_said_in_one_line(serve, run_tap, files):
    sandbox = serve(conversations=20, days=2)
    limit = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (files, files))
    run = run_tap(settings(sandbox, parallel_downloads=1), before=limit)
    if run.status:
        assert "Too many open files" in run.errors[-1]
    assert "usable temporary" not in run.log
    assert ("could not be written" in run.log) == ("ulimit -n" in run.log)


def test_a_full_disk_is_said_in_one_line(serve, run_tap):
    sandbox = serve(conversations=400)
    small_files = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (60_000, 60_000))
    error = checks.failed(run_tap(settings(sandbox), before=small_files))
    assert "TMPDIR" in error
    assert "window_days" in error

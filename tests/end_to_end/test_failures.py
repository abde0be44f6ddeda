"""What goes wrong on the way, made by the sandbox; and what only a person can fix."""

from __future__ import annotations

import resource
from functools import partial

import pytest

from tests import expected
from tests.conftest import both_paths_slowly, catalog, settings
from tests.end_to_end import checks
from tests.faults import Refusal


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (404, "exports_api_url"),
        (302, "exports_api_url"),
        (499, "499"),
    ],
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


def test_a_wrong_token_says_where_to_make_one(serve, run_tap):
    sandbox = serve()
    run = run_tap(settings(sandbox, api_token="wr0ngt0ken"))  # noqa: S106
    assert "Settings, Integrations, API Tokens" in checks.failed(run)
    assert "wr0ngt0ken" not in run.log


BAD_SETTINGS = {
    "api_token": "",
    "start_date": "yesterday",
    "end_date": "1999-01-01",
    "window_days": 32,
    "exports_api_url": "http://exports.example",
}


@pytest.mark.parametrize(
    ("setting", "arguments"), [*((name, []) for name in BAD_SETTINGS), ("api_token", ["--test"])]
)
def test_bad_settings_are_refused_by_name_before_the_first_request(
    serve, run_tap, setting, arguments
):
    sandbox = serve()
    run = run_tap(settings(sandbox, **{setting: BAD_SETTINGS[setting]}), *arguments)
    assert setting in checks.failed(run)
    assert run.messages == []
    assert sandbox.answered == []


@pytest.mark.parametrize(
    ("option", "content"),
    [("--config", ""), ("--config", "[]"), ("--catalog", "{"), ("--catalog", "1")],
)
def test_a_file_that_is_no_json_object_is_refused_by_option(
    serve, run_tap, tmp_path, option, content
):
    sandbox = serve()
    file = tmp_path / "bad.json"
    file.write_text(content)
    run = run_tap(settings(sandbox), option, str(file))
    assert option in checks.failed(run)
    assert sandbox.answered == []


@pytest.mark.parametrize("variable", ["TAP_DIXA_WINDOW_DAYS", "TAP_DIXA_STREAM_MAPS"])
def test_a_variable_that_cannot_be_read_is_named(serve, run_tap, variable):
    sandbox = serve()
    run = run_tap(settings(sandbox), "--config=ENV", environment={variable: "{x"})
    assert variable in checks.failed(run)


def test_an_empty_variable_is_none(serve, run_tap):
    sandbox = serve()
    environment = {"TAP_DIXA_WINDOW_DAYS": "", "TAP_DIXA_STREAM_MAPS": ""}
    checks.succeeded(run_tap(settings(sandbox), "--config=ENV", environment=environment))


@both_paths_slowly
def test_a_failure_costs_no_more_than_its_own_window(serve, run_tap, options):
    sandbox = serve(days=20)
    config = settings(sandbox, window_days=5, **options)
    sandbox.behaviour.faults.extend([None, None, Refusal(403)])
    only = catalog("conversations")
    failed = run_tap({**config, "parallel_downloads": 1}, catalog=only)
    assert failed.status == 1
    emitted = failed.records("conversations")
    assert emitted
    assert failed.bookmark("conversations") == emitted[-1]["updated_at"]
    resumed = checks.succeeded(run_tap(config, state=failed.state, catalog=only))
    both = [*emitted, *resumed.records("conversations")]
    arrived = {r["id"]: r for r in both}
    checks.same(both, expected.records(sandbox.data, "conversations"))
    assert len(resumed.records("conversations")) < len(arrived) - len(emitted) + 20


@pytest.mark.parametrize("files", [6, 7, 8])
def test_too_few_open_files_are_said_in_one_line(serve, run_tap, files):
    sandbox = serve(conversations=20, days=2)
    limit = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (files, files))
    run = run_tap(settings(sandbox, parallel_downloads=1), before=limit)
    if run.status:
        assert "Too many open files" in run.errors[-1]
    assert "usable temporary" not in run.log
    assert ("could not be written" in run.log) == ("ulimit -n" in run.log)


def test_a_full_disk_is_said_in_one_line(serve, run_tap):
    sandbox = serve(conversations=2000)

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    run = run_tap(settings(sandbox), before=small_files)
    error = checks.failed(run)
    assert "TMPDIR" in error
    assert "window_days" in error

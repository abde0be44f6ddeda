"""What the report advises, and for which streams."""

from __future__ import annotations

import re
import resource
import subprocess

import pytest

from tap_dixa.report import render
from tap_dixa.tap import TapDixa
from tap_dixa.timestamps import to_rfc3339
from tests.conftest import HOUR, NOON, settings
from tests.end_to_end import checks
from tests.end_to_end.connection_test.conftest import (
    NOTHING,
    advised,
    cells,
    line,
    report_of,
)
from tests.end_to_end.everything import ALL, CATALOGUES, EVERY, RECORDS


@pytest.mark.slow
def test_a_stream_that_fails_leaves_the_others_tested_and_all_reported(serve, run_tap):
    sandbox = serve(missing={"/v1/tags", "/v1/message_export"})
    run = run_tap(settings(sandbox), "--test")
    error = checks.failed(run)
    assert f"2 of {len(EVERY)} streams failed" in error
    assert run.log.splitlines()[-1] == error
    for stream in ALL:
        assert len(run.records(stream)) == (stream not in {"tags", "messages"})
    report = report_of(run.log)
    assert {row.split(" ")[0] for row in report.splitlines()} >= set(EVERY)
    assert cells(report, "tags", "/v1/tags")[0][0] == "404"
    assert cells(report, "tags", "/beta/tags")[0][0] == "404"
    assert {row[-1] for row in cells(report, "tags")} == {"failed: refused"}
    assert cells(report, "messages", "/v1/message_export")[0][-1] == "failed: refused"
    (only,) = advised(report)
    assert only.startswith("- messages, tags: there is nothing at this path (404)")


@pytest.mark.slow
def test_a_list_under_beta_alone_needs_no_advice(serve, tested):
    report = tested(serve(beta_only={"/v1/agents"}))
    assert cells(report, "agents", "/v1/agents")[0][0] == "404"
    assert cells(report, "agents", "/beta/agents")[0][0] == "200"
    assert report.endswith(NOTHING)


@pytest.mark.slow
def test_a_stream_that_the_token_may_not_read_is_reported_and_no_failure(serve, tested):
    report = tested(serve(forbidden={"/v1/endusers": 403}))
    (row,) = cells(report, "end_users")
    assert row[1] == "403"
    assert row[-1] == "no access"
    (only,) = advised(report)
    assert only.startswith("- end_users: api_token has no access")


def test_a_wrong_token_is_reported_for_every_stream(serve, run_tap):
    run = run_tap(settings(serve(), api_token="wr0ngt0ken"), "--test")  # noqa: S106
    assert "api_token" in checks.failed(run)
    report = report_of(run.log)
    assert "wr0ngt0ken" not in report
    for stream in EVERY:
        for row in cells(report, stream):
            assert re.fullmatch(r"401( x\d+)?|none", row[1])
    assert line(report, "Bounds of filters").startswith("not known: conversations could not be")


@pytest.mark.slow
def test_an_account_without_what_is_off_by_default_passes(serve, tested):
    report = tested(serve(missing={"/beta/intelligence", "/v1/analytics"}))
    for stream in (*RECORDS, *CATALOGUES):
        assert {row[-1] for row in cells(report, stream)} == {"not in this account"}
    assert report.endswith(NOTHING)


@pytest.mark.slow
def test_a_fatal_error_ends_the_test_with_what_is_known(serve, run_tap):
    sandbox = serve(conversations=4000, days=4)

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    run = run_tap(settings(sandbox), "--test", before=small_files)
    assert "TMPDIR" in checks.failed(run)
    report = report_of(run.log)
    assert cells(report, "conversations")[0][-1] == "not completed"
    assert cells(report, "agents")[0][1] == "none"


@pytest.mark.slow
def test_a_response_that_is_nearly_too_slow_is_advised_about(serve, tested):
    report = tested(serve(latency=1.1), request_timeout_seconds=3)
    (only,) = advised(report)
    assert only.startswith(
        "- conversations, messages, conversation_notes, conversation_ratings: a response took more"
    )
    assert "request_timeout_seconds" in only
    assert "window_days" in only


@pytest.mark.slow
def test_of_a_day_in_parts_the_log_says_what_to_set(serve, run_tap):
    sandbox = serve(longest_export_days=0.3, too_long="413")
    run = checks.succeeded(run_tap(settings(sandbox), "--test"))
    report = report_of(run.log)
    assert line(report, "Bounds of filters").endswith("updated_before inclusive")
    assert "cannot export more than" in run.log
    assert report.endswith(NOTHING)


def test_record_types_without_a_row_are_requested_once_and_need_no_advice(serve, tested):
    sandbox = serve()
    report = tested(sandbox, start_date=to_rfc3339(NOON - 2 * HOUR))
    assert report.endswith(NOTHING)


@pytest.mark.slow
def test_a_large_day_is_advised_about(serve, monkeypatch, capsys):
    monkeypatch.setattr(render, "LARGE", 1000)
    TapDixa(config=settings(serve())).test_connection()
    found = advised(report_of(capsys.readouterr().err))
    assert [text.partition(":")[0] for text in found] == [
        "- conversations",
        "- messages",
        "- activity_logs",
        "- analytics_records",
        "- intelligence_records",
    ]
    assert all("Lower window_days" in text for text in found)


FAST_CLOCK = """
import sys, time
real = time.time
time.time = lambda: real() + 1800
from tap_dixa.__main__ import main
main()
"""


@pytest.mark.slow
def test_clocks_that_differ_are_reported(serve, start_tap):
    tap = start_tap(settings(serve()), program=["-c", FAST_CLOCK, "--test"], stderr=subprocess.PIPE)
    _, log = tap.communicate()
    assert tap.returncode == 0, log
    report = report_of(log)
    for clock in line(report, "Clocks").split("; "):
        apart = re.fullmatch(r"\w+ API: ([\d,]+) s behind this machine's", clock)[1]
        assert 1790 <= int(apart.replace(",", "")) <= 1805
    found = advised(report)
    assert [text[: text.index(":")] for text in found] == ["- Exports API", "- Dixa API"]
    assert all("lookback_seconds" in text for text in found)

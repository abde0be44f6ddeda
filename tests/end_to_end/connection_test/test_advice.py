"""What the report advises, and for which streams."""

from __future__ import annotations

import re
import resource
import subprocess

import pytest

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
    sandbox = serve(missing={"/v1/tags", "/v1/message_export"}, forbidden={"/v1/endusers": 403})
    run = run_tap(settings(sandbox), "--test")
    error = checks.failed(run)
    assert f"2 of {len(EVERY)} streams failed" in error
    assert run.log.splitlines()[-1] == error
    for stream in ALL:
        assert len(run.records(stream)) == (stream not in {"tags", "messages", "end_users"})
    report = report_of(run.log)
    assert {row.split(" ")[0] for row in report.splitlines()} >= set(EVERY)
    failed = ("404 x1", "failed: NotFoundError")
    assert cells(report, "tags") == [("/v1/tags", *failed), ("/beta/tags", *failed)]
    assert cells(report, "messages", "/v1/message_export") == [failed]
    assert cells(report, "end_users") == [("/v1/endusers", "403 x1", "no access")]
    assert [text.partition(" (")[0] for text in advised(report)] == [
        "- end_users: api_token has no access",
        "- messages, tags: there is nothing at this path",
    ]


@pytest.mark.slow
def test_what_works_or_is_off_by_default_needs_no_advice(serve, tested):
    lacks = {"/beta/intelligence", "/v1/analytics"}
    report = tested(serve(beta_only={"/v1/agents"}, missing=lacks))
    rows = [("/v1/agents", "404 x1", "read"), ("/beta/agents", "200 x1", "read")]
    assert cells(report, "agents") == rows
    for stream in (*RECORDS, *CATALOGUES):
        assert {row[-1] for row in cells(report, stream)} == {"not in this account"}
    assert report.endswith(NOTHING)


def test_a_wrong_token_is_reported_for_every_stream(serve, run_tap):
    run = run_tap(settings(serve(), api_token="wr0ngt0ken"), "--test")  # noqa: S106
    assert "api_token" in checks.failed(run)
    report = report_of(run.log)
    assert "wr0ngt0ken" not in report
    for stream in EVERY:
        for row in cells(report, stream):
            assert re.fullmatch(r"401 x\d+|none", row[1])
    assert line(report, "Bounds of filters") == "updated_after not known, updated_before not known"


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
    (only,) = advised(report)
    assert only.startswith("- Exports API, Dixa API: ")
    assert "lookback_seconds" in only

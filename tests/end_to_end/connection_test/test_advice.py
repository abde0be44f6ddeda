"""What the report advises, and for which streams."""

import re
import resource
from functools import partial

import pytest

from tests.conftest import HOUR, NOON
from tests.end_to_end.connection_test.conftest import NOTHING
from tests.end_to_end.everything import ALL, CATALOGUES, EVERY, RECORDS
from tests.expected import iso
from tests.faults import Refusal


@pytest.mark.slow
def test_a_stream_that_fails_leaves_the_others_tested_and_all_reported(tested):
    fail = {"missing": {"/v1/tags", "/v1/message_export"}, "forbidden": {"/v1/endusers": 403}}
    report = tested(**fail, status=1)
    (error,) = report.run.errors
    assert f"2 of {len(EVERY)} streams failed" in error
    assert report.run.log.splitlines()[-1] == error
    for stream in ALL:
        assert len(report.run.records(stream)) == (stream not in {"tags", "messages", "end_users"})
    assert {row.split(" ")[0] for row in report.text.splitlines()} >= set(EVERY)
    failed = ("404 x1", "failed: NotFoundError")
    assert report.cells("tags") == [("/v1/tags", *failed), ("/beta/tags", *failed)]
    assert report.cells("messages", "/v1/message_export") == [failed]
    assert report.cells("end_users") == [("/v1/endusers", "403 x1", "no access")]
    assert [text.partition(" (")[0] for text in report.advised] == [
        "- end_users: api_token has no access",
        "- messages, tags: there is nothing at this path",
    ]


@pytest.mark.slow
def test_what_works_or_is_off_by_default_needs_no_advice(tested):
    lacks, parts = {"/beta/intelligence", "/v1/analytics"}, {"longest_export_days": 0.3}
    report = tested(beta_only={"/v1/agents"}, missing=lacks, **parts, too_long="413")
    # Of a day in parts, the log says what to set.
    assert "cannot export more than" in report.run.log
    assert report.line("Bounds of filters").endswith("updated_before inclusive")
    rows = [("/v1/agents", "404 x1", "read"), ("/beta/agents", "200 x1", "read")]
    assert report.cells("agents") == rows
    for stream in (*RECORDS, *CATALOGUES):
        assert {row[-1] for row in report.cells(stream)} == {"not in this account"}
    assert report.text.endswith(NOTHING)


def test_a_wrong_token_is_reported_for_every_stream(tested):
    report = tested(changes={"api_token": "wr0ngt0ken"}, status=1)
    assert "api_token" in report.run.errors[0]
    assert "wr0ngt0ken" not in report.text
    for stream in EVERY:
        for row in report.cells(stream):
            assert re.fullmatch(r"401 x\d+|none", row[1])
    assert report.line("Bounds of filters").count("not known") == 4


@pytest.mark.slow
def test_a_fatal_error_ends_the_test_with_what_is_known(tested):
    small_files = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (100_000, 100_000))
    report = tested(conversations=4000, days=4, run_options={"before": small_files}, status=1)
    assert "TMPDIR" in report.run.errors[0]
    assert report.cells("conversations")[0][-1] == "not completed"
    assert report.cells("agents")[0][1] == "none"


def test_whatever_fails_there_is_something_to_do(tested):
    report = tested(faults=[Refusal(200, body="null")] * 60, status=1)
    (only,) = report.advised
    assert "conversations" in only
    assert "this failed. The last line of the log says why" in only


def test_record_types_without_a_row_are_requested_once_and_need_no_advice(tested):
    report = tested(changes={"start_date": iso(NOON - 2 * HOUR)})
    assert report.text.endswith(NOTHING)


FAST_CLOCK = """
import sys, time
real = time.time
time.time = lambda: real() + 1800
from tap_dixa.__main__ import main
main()
"""


@pytest.mark.slow
def test_clocks_that_differ_are_reported(tested):
    report = tested(run_options={"program": ["-c", FAST_CLOCK]})
    for clock in report.line("Clocks").split("; "):
        apart = re.fullmatch(r"\w+ API: ([\d,]+) s behind this machine's", clock)[1]
        assert 1790 <= int(apart.replace(",", "")) <= 1805
    (only,) = report.advised
    assert only.startswith("- Exports API, Dixa API: ")
    assert "lookback_seconds" in only

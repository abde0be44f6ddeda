"""The report of a connection test: what it finds out, what it advises, what it never holds."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import time
from collections import Counter
from functools import partial

import pytest

from tap_dixa.report import advice
from tap_dixa.sandbox.faults import Odd, Refusal
from tap_dixa.sandbox.filters import Bounds
from tap_dixa.tap import TapDixa
from tests import expected
from tests.conftest import HOUR, NOON, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import ALL, CATALOGUES, EVERY, RECORDS, rows
from tests.end_to_end.queried import ANALYTICS, INTELLIGENCE
from tests.pages import blocks

TOKEN = "t0ken-that-must-not-be-seen"  # noqa: S105
NOTHING = "What to do:\n- Nothing."
IN_THE_DAY = NOON - 3 * HOUR


@pytest.fixture
def serve(serve):
    """Start a sandbox whose clock is this machine's, though its data is older."""
    return partial(serve, date=lambda: time.time_ns() // 1_000_000)


def report_of(log):
    """Give the report at the end of a log, without the line of an error that may follow it."""
    text = log[re.search(r"^tap-dixa \S+, Singer SDK", log, re.MULTILINE).start() :]
    return "\n".join(line for line in text.splitlines() if "ERROR" not in line)


def unfolded(report):
    """Give a report with each of its lines in one."""
    return re.sub(r"\n  (?=\S)", " ", report)


def line(report, name):
    return unfolded(report).split(f"\n{name}: ")[1].partition("\n")[0]


def cells(report, *beginning):
    """Give the cells of the rows of a table that begin with these."""
    split = [tuple(re.split(r" {2,}", text)) for text in report.splitlines()]
    return [row[len(beginning) :] for row in split if row[: len(beginning)] == beginning]


def advised(report):
    return unfolded(report).split("What to do:\n")[1].splitlines()


@pytest.mark.slow
def test_a_test_of_what_the_tap_assumes_has_nothing_to_advise(serve, run_tap):
    sandbox = serve(conversations=3000, days=40)
    run = run_tap(settings(sandbox), "--test")
    checks.succeeded(run)
    assert {stream: len(run.records(stream)) for stream in EVERY} == dict.fromkeys(EVERY, 1)
    report = report_of(run.log)
    assert run.log.rstrip().endswith(report.rstrip())
    assert report.endswith(NOTHING)
    named = [row for row in report.splitlines() if row.split(" ")[0] in EVERY]
    assert {row.split(" ")[0] for row in named} >= set(ALL)
    assert all(row.endswith("  read") for row in named[: len(EVERY) + 3])
    assert re.fullmatch(r"200( x\d+)?", cells(report, "messages", "/v1/message_export")[0][0])
    (conversations, *_), *_ = cells(report, "conversations", "/v1/conversation_export")
    assert conversations == "200 x3"
    # Ids are in no path.
    assert cells(report, "queue_members", "/v1/queues/{queueId}/members")
    assert cells(report, "conversation_notes", "/v1/conversations/{csid}/notes")
    assert cells(
        report, "knowledge_collections", "/v1/knowledge/collections/{collectionId}/catalog"
    )
    assert cells(report, "end_users")[0][3] == "100, more follow"
    assert cells(report, "teams")[0][3] == "4"
    day = expected.source(sandbox.data, "messages", NOON - 21 * HOUR, NOON + 3 * HOUR)
    count, size, seconds, compression, _ = cells(report, "messages")[1]
    assert count == f"{len(day):,}"
    assert abs(float(size.split()[0]) - len(json.dumps([*day.values()])) / 1e6) < 0.2
    assert float(seconds.split()[0]) < 60
    assert compression == "gzip"
    assert cells(report, "activity_logs")[1][3] == "none"
    assert line(report, "Rate-limit headers") == "Exports API: none; Dixa API: none"
    assert (
        line(report, "Clocks")
        == "Exports API: same as this machine's; Dixa API: same as this machine's"
    )
    assert line(report, "Fields that no schema has") == "none"
    assert line(report, "Types that no schema allows") == "none"
    assert len(report.splitlines()) <= 85
    assert max(map(len, report.splitlines())) <= 130


@pytest.mark.slow
@pytest.mark.parametrize(
    ("after", "before"),
    [
        (True, False),
        (False, True),
        pytest.param(True, True, marks=pytest.mark.slow),
        pytest.param(False, False, marks=pytest.mark.slow),
    ],
)
def test_the_report_tells_whether_filters_include_their_bounds(serve, run_tap, after, before):
    run = run_tap(settings(serve(bounds=Bounds(after, before))), "--test")
    checks.succeeded(run)
    said = {True: "inclusive", False: "exclusive"}
    assert line(report_of(run.log), "Bounds of filters") == (
        f"updated_after {said[after]}, updated_before {said[before]}"
    )


@pytest.mark.slow
def test_without_a_record_the_bounds_are_not_known(serve, run_tap):
    sandbox = serve()
    sandbox.behaviour.faults.append(Refusal(200, body="[]"))
    run = run_tap(settings(sandbox), "--test")
    checks.succeeded(run)
    found = line(report_of(run.log), "Bounds of filters")
    assert found == "not known: no conversation changed in the tested day"
    assert len(checks.requests(sandbox, "conversations")) == 3  # notes and ratings read them too


@pytest.mark.slow
def test_a_failed_request_for_a_bound_is_not_repeated(serve, run_tap):
    sandbox = serve()
    # Conversations, messages, the conversations of notes and ratings, and the first of the two.
    sandbox.behaviour.faults.extend([*[None] * 4, Refusal(503)])
    run = run_tap(settings(sandbox), "--test")
    checks.succeeded(run)
    assert line(report_of(run.log), "Bounds of filters") == (
        "updated_after not known, the request failed, updated_before inclusive"
    )
    assert "retrying" not in run.log


@pytest.mark.slow
@pytest.mark.parametrize(
    ("order", "told"),
    [
        ("ascending", "ascending"),
        pytest.param("descending", "descending", marks=pytest.mark.slow),
        pytest.param("shuffled", "unordered", marks=pytest.mark.slow),
    ],
)
def test_the_order_of_a_response_is_reported(serve, run_tap, order, told):
    run = run_tap(settings(serve(activity_order=order)), "--test")
    checks.succeeded(run)
    assert cells(report_of(run.log), "activity_logs")[1][-1] == told


@pytest.mark.slow
def test_fields_that_no_schema_has_are_reported_by_name(serve, run_tap):
    run = run_tap(settings(serve(new_fields=True)), "--test")
    checks.succeeded(run)
    report = report_of(run.log)
    fields = line(report, "Fields that no schema has").split("; ")
    (everywhere,) = (field for field in fields if field.startswith("brandNew (object) in "))
    assert set(everywhere.removeprefix("brandNew (object) in ").split(", ")) >= set(ALL)
    assert "tags_info[].shade (string) in conversations" in fields
    assert "author.shade (string) in activity_logs" in fields
    (only,) = advised(report)
    assert "additional_properties" in only
    assert len(report.splitlines()) <= 90


@pytest.mark.slow
def test_types_that_no_schema_allows_are_reported(serve, run_tap):
    sandbox = serve()
    odd = {
        "id": 7,
        "updated_at": IN_THE_DAY,
        "created_at": IN_THE_DAY,
        "closed_at": "2026-03-11T09:00:00Z",
        "rating_score": "five-and-more",
        "ratings": {"rating_score": 3},
        "jane.doe@example.com": "written by Jane",
    }
    sandbox.behaviour.faults.append(Odd(json.dumps(odd)))
    run = run_tap(settings(sandbox), "--test")
    checks.succeeded(run)
    report = report_of(run.log)
    assert line(report, "Types that no schema allows") == (
        "rating_score (string, not integer or null) in conversations"
    )
    assert line(report, "Fields that no schema has") == (
        "(not a plain name) (string) in conversations"
    )
    assert "five-and-more" not in report
    assert "jane" not in report.lower()
    assert any("report the types" in text for text in advised(report))


@pytest.mark.slow
def test_a_stream_that_fails_leaves_the_others_tested_and_all_reported(serve, run_tap):
    sandbox = serve(missing={"/v1/tags", "/v1/message_export"})
    run = run_tap(settings(sandbox), "--test")
    assert run.status == 1
    assert len(run.errors) == 1
    assert f"2 of {len(EVERY)} streams failed" in run.errors[0]
    assert run.log.splitlines()[-1] == run.errors[0]
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
def test_a_list_under_beta_alone_needs_no_advice(serve, run_tap):
    run = run_tap(settings(serve(beta_only={"/v1/agents"})), "--test")
    checks.succeeded(run)
    report = report_of(run.log)
    assert cells(report, "agents", "/v1/agents")[0][0] == "404"
    assert cells(report, "agents", "/beta/agents")[0][0] == "200"
    assert report.endswith(NOTHING)


@pytest.mark.slow
def test_a_stream_that_the_token_may_not_read_is_reported_and_no_failure(serve, run_tap):
    run = run_tap(settings(serve(forbidden={"/v1/endusers": 403})), "--test")
    checks.succeeded(run)
    report = report_of(run.log)
    (row,) = cells(report, "end_users")
    assert row[1] == "403"
    assert row[-1] == "no access"
    (only,) = advised(report)
    assert only.startswith("- end_users: api_token has no access")


def test_a_wrong_token_is_reported_for_every_stream(serve, run_tap):
    run = run_tap(settings(serve(), api_token="wr0ngt0ken"), "--test")  # noqa: S106
    assert run.status == 1
    assert len(run.errors) == 1
    assert "api_token" in run.errors[0]
    report = report_of(run.log)
    assert "wr0ngt0ken" not in report
    for stream in EVERY:
        for row in cells(report, stream):
            assert re.fullmatch(r"401( x\d+)?|none", row[1])
    assert line(report, "Bounds of filters").startswith("not known: conversations could not be")


@pytest.mark.slow
def test_a_fatal_error_ends_the_test_with_what_is_known(serve, run_tap):
    sandbox = serve(conversations=4000, days=4)

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    run = run_tap(settings(sandbox), "--test", before=small_files)
    assert run.status == 1
    assert len(run.errors) == 1
    assert "TMPDIR" in run.errors[0]
    report = report_of(run.log)
    assert cells(report, "conversations")[0][-1] == "not completed"
    assert cells(report, "agents")[0][1] == "none"


@pytest.mark.slow
def test_rate_limit_headers_are_reported_with_their_numbers_alone(serve, run_tap):
    sandbox = serve(token=TOKEN)
    headers = {"X-RateLimit-Limit": f"8;w=120, {TOKEN}", "Retry-After": "Wed, 11 Mar", "X-Id": "7"}
    sandbox.behaviour.faults.append(Refusal(200, headers, "[]"))
    sandbox.behaviour.api_faults.append(Refusal(200, {"RateLimit-Remaining": "3"}, '{"data":[]}'))
    run = run_tap(settings(sandbox), "--test")
    checks.succeeded(run)
    report = report_of(run.log)
    assert line(report, "Rate-limit headers") == (
        "Exports API: x-ratelimit-limit 8 w=120 ?, retry-after ? 11 ?; "
        "Dixa API: ratelimit-remaining 3"
    )
    (only,) = advised(report)
    assert only.startswith("- x-ratelimit-limit allows fewer requests than requests_per_minute")
    assert "Set it to 4" in only


@pytest.mark.slow
def test_a_response_that_is_nearly_too_slow_is_advised_about(serve, run_tap):
    run = run_tap(settings(serve(latency=1.1), request_timeout_seconds=3), "--test")
    checks.succeeded(run)
    (only,) = advised(report_of(run.log))
    assert only.startswith(
        "- conversations, messages, conversation_notes, conversation_ratings: a response took more"
    )
    assert "request_timeout_seconds" in only
    assert "window_days" in only


@pytest.mark.slow
def test_a_day_in_parts_is_advised_about(serve, run_tap):
    sandbox = serve(longest_export_days=0.3, too_long="413")
    run = run_tap(settings(sandbox), "--test")
    checks.succeeded(run)
    report = report_of(run.log)
    assert [text for text in advised(report) if "in 4 parts" in text and "window_days" in text]
    day = expected.source(sandbox.data, "conversations", NOON - 21 * HOUR, NOON + 3 * HOUR)
    assert cells(report, "conversations")[1][0] == f"{len(day):,}"
    assert line(report, "Bounds of filters").endswith("updated_before inclusive")


@pytest.mark.slow
def test_a_large_day_is_advised_about(serve, monkeypatch, capsys):
    monkeypatch.setattr(advice, "LARGE", 1000)
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


def texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)


@pytest.mark.slow
def test_the_documented_report_looks_like_one(serve, run_tap):
    lacks, bounds = {"/v1/business-hours"}, Bounds(True, False)
    sandbox = serve(conversations=200, missing=lacks, bounds=bounds)
    run = run_tap(settings(sandbox), "--test")
    assert run.status == 1
    report, page = report_of(run.log), blocks("quickstart.md", "text")["Check the connection"]

    def frame(text):
        return [re.split(r" {2,}|:|tap-dixa \S+", row)[0] for row in unfolded(text).splitlines()]

    assert frame(page) == frame(report)
    assert line(page, "Bounds of filters") == line(report, "Bounds of filters")
    assert advised(page) == advised(report)


def test_the_report_holds_no_token_no_id_and_no_value_of_any_record(serve, run_tap, evidence):
    sandbox = serve(token=TOKEN, new_fields=True, out_of_place=3)
    said = f"You sent Bearer {TOKEN} from jane@example.com"
    sandbox.behaviour.api_faults.append(Refusal(403, {"X-Echo": TOKEN}, said))
    run = run_tap(settings(sandbox), "--test")
    checks.succeeded(run)
    report = report_of(run.log)
    sandbox.behaviour.new_fields = False
    listed = [*rows(sandbox).values(), run.records("conversation_notes")]
    listed += (expected.source(sandbox.data, stream).values() for stream in expected.STREAMS)
    values = {text for records in listed for record in records for text in texts(record)}
    values |= {
        text
        for stream in RECORDS
        for record in run.records(stream)
        for cell in record["fields"].values()
        for text in texts([cell.get("value"), cell.get("label"), record["id"]])
    }
    # What kinds of records there are is no secret, and the word is in some names of theirs.
    for kind in (*ANALYTICS, *INTELLIGENCE):
        report = report.replace(kind, "")
    long = {text for text in values if len(text) > 6}
    assert len(long) > 2000
    assert {text for text in long if text in report} == set()
    numbers = {str(record["id"]) for record in listed[-2]}
    assert {number for number in numbers if number in report} == set()
    assert TOKEN not in report
    assert "jane" not in report
    assert set(re.findall(r"https?://\S+|\d+\.\d+\.\d+\.\d+", report)) == {"127.0.0.1"}
    evidence("values of records searched for in a report", len(long))


SEVERAL_AHEAD = re.compile(
    r"/(members|agents|notes|ratings|definition|catalog)$|/knowledge/(categories|articles)/"
)
"""Paths of which several are requested ahead: how many is a matter of timing."""


def requested(sandbox):
    paths = Counter(path for path, _, _ in sandbox.answered)
    return {
        path: times
        for path, times in paths.items()
        if not SEVERAL_AHEAD.search(path) or path == "/v1/agents"
    }


@pytest.mark.slow
def test_the_report_costs_two_requests(serve, run_tap, capsys):
    plain, reporting = serve(), serve()
    TapDixa(config=settings(plain)).run_connection_test()
    checks.succeeded(run_tap(settings(reporting), "--test"))
    export = "/v1/conversation_export"
    assert requested(plain)[export] == 3
    assert requested(reporting) == {**requested(plain), export: 5}
    # They ask for two seconds each.
    for query in checks.requests(reporting, "conversations")[-2:]:
        assert int(query["updated_before"]) - int(query["updated_after"]) == 2000
    assert "RECORD" in capsys.readouterr().out


def test_a_test_of_the_schemas_stays_as_it_is(serve, run_tap):
    sandbox = serve()
    run = run_tap(settings(sandbox), "--test=schema")
    checks.succeeded(run)
    assert [message["type"] for message in run.messages] == ["SCHEMA"] * len(EVERY)
    assert sandbox.answered == []
    assert "Singer SDK" not in run.log


@pytest.mark.slow
def test_a_disabled_test_is_a_sync(serve, run_tap):
    sandbox = serve(days=3)
    run = run_tap(settings(sandbox), "--test=disabled")
    checks.succeeded(run)
    checks.emitted_exactly(run, "messages", expected.records(sandbox.data, "messages"))
    assert "Singer SDK" not in run.log


@pytest.mark.slow
def test_the_shapes_of_rows_that_are_not_documented_are_reported(serve, run_tap):
    sandbox = serve(intelligence_rows="list")
    run = run_tap(settings(sandbox), "--test")
    checks.succeeded(run)
    report = report_of(run.log)
    rated = line(report, "Rows of analytics_records ratings")
    assert "primaryTimestampField.timestamp (string), value.value (integer)" in rated
    assert rated.endswith("; names: conversation_id, agent_id, queue_id")
    present = line(report, "Rows of intelligence_records agentPresenceDuration")
    count, shape = present.split(", ", 1)
    assert int(count) > 20
    assert shape.startswith("[].name (string), [].value (integer or string)")
    assert shape.endswith("; names: agent, startedAt, status, duration, endedAt")
    assert {kind for kind in INTELLIGENCE if f"Rows of intelligence_records {kind}: " in report}
    # Labels, where they are optional.
    assert "[].label (string)" in shape


@pytest.mark.slow
def test_an_account_without_what_is_off_by_default_passes(serve, run_tap):
    sandbox = serve(missing={"/beta/intelligence", "/v1/analytics"})
    run = run_tap(settings(sandbox), "--test")
    checks.succeeded(run)
    report = report_of(run.log)
    for stream in (*RECORDS, *CATALOGUES):
        assert {row[-1] for row in cells(report, stream)} == {"not in this account"}
    assert report.endswith(NOTHING)

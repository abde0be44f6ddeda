"""The report of a connection test: what it says, advises and costs, and what it never holds."""

import json
import re
import resource
from functools import partial

import pytest

from tap_dixa_sandbox.filters import Bounds
from tests import expected
from tests.conftest import HOUR, NOON, settings
from tests.end_to_end import checks
from tests.end_to_end.connection_test.conftest import NOTHING, TOKEN, advised, line, unfolded
from tests.end_to_end.everything import ALL, CATALOGUES, EVERY, RECORDS, rows
from tests.end_to_end.queried import ANALYTICS, INTELLIGENCE
from tests.faults import Odd, Refusal
from tests.pages import blocks

slow = pytest.mark.slow


@slow
def test_a_test_of_what_the_tap_assumes_has_nothing_to_advise(tested):
    report = tested(conversations=3000, days=40)
    run, text = report.run, report.text
    assert {stream: len(run.records(stream)) for stream in EVERY} == dict.fromkeys(EVERY, 1)
    assert text.endswith(NOTHING)
    assert {row.split(" ")[0] for row in text.splitlines()} >= set(ALL)
    assert report.cells("messages", "/v1/message_export") == [("200 x3", "read")]
    # Two more requests for each export, for two seconds each, tell what filters include.
    asked = checks.requests(report.sandbox, "conversations")
    assert len(asked) == 4 + 2
    assert len(report.sandbox.answered) < 130
    for query in (*asked, *checks.requests(report.sandbox, "messages")):
        values = [int(value) for value in query.values()]
        assert max(values) - min(values) < 25 * HOUR
    # Ids are in no path.
    assert report.cells("queue_members", "/v1/queues/{queueId}/members")
    assert report.cells("conversation_notes", "/v1/conversations/{csid}/notes")
    data = report.sandbox.data
    day = expected.source(data, "messages", NOON - 21 * HOUR, NOON + 3 * HOUR)
    count, size, _ = report.cells("messages")[1]
    assert count == f"{len(day):,}"
    assert abs(float(size.split()[0]) - len(json.dumps([*day.values()])) / 1e6) < 0.2
    assert "unordered by updated_at" in report.cells("conversations")[1]
    assert "unordered by created_at" in report.cells("messages")[1]
    same = "Exports API: same as this machine's; Dixa API: same as this machine's"
    assert line(text, "Clocks") == same
    assert line(text, "Fields that no schema has") == "none"
    assert line(text, "Values that their field cannot hold") == "none"
    assert len(text.splitlines()) <= 150
    assert max(map(len, text.splitlines())) <= 80


@slow
def test_the_documented_report_looks_like_one(tested):
    bounds = Bounds(True, False)
    text = tested(conversations=200, missing={"/v1/business-hours"}, bounds=bounds).text
    page = blocks("quickstart.md", "text")["Check the connection"]

    def frame(text):
        return [re.split(r" {2,}|:|tap-dixa \S+", row)[0] for row in unfolded(text).splitlines()]

    found = iter(frame(text))
    assert [row for row in frame(page) if row != "…" and row not in found] == []
    assert line(page, "Bounds of filters") == line(text, "Bounds of filters")
    assert advised(page) == advised(text)


@slow
@pytest.mark.parametrize(
    ("after", "before", "order", "told"),
    [
        (True, False, "ascending", "ascending"),
        (False, True, "descending", "descending"),
        (False, False, "shuffled", "unordered"),
    ],
)
def test_what_filters_include_and_in_which_order_rows_come(tested, after, before, order, told):
    report = tested(bounds=Bounds(after, before), activity_order=order)
    said = {True: "inclusive", False: "exclusive"}
    bounds = report.line("Bounds of filters")
    assert bounds == (
        f"created_after {said[after]}, created_before {said[before]}, "
        f"updated_after {said[after]}, updated_before {said[before]}"
    )
    assert report.cells("activity_logs")[1][-1] == f"{told} by activityTimestamp"
    assert report.cells("messages")[1][-1].endswith(" by created_at")


@slow
def test_what_cannot_be_told_is_not_requested_again(tested):
    # Messages, the conversations of notes, ratings and links, and the first of two for bounds.
    report = tested(faults=[*[None] * 5, Refusal(503)])
    bounds = report.line("Bounds of filters")
    assert bounds.endswith("updated_after not known, updated_before inclusive")
    assert len(report.sandbox.arrived) == 9
    assert "retrying" not in report.run.log


@slow
def test_fields_types_and_shapes_are_reported_without_values(tested):
    at = NOON - 3 * HOUR
    odd = {
        "id": 7,
        "updated_at": at,
        "created_at": at,
        "rating_score": "five-and-more",
        "jane.doe@example.com": "written by Jane",
    }
    report = tested(faults=[Odd(json.dumps(odd))], new_fields=True)
    found = report.line("Values that their field cannot hold")
    assert found == "conversations: rating_score (string)"
    texts = report.line("Fields that no schema has").split("; ")
    fields = dict(text.split(": ") for text in texts)
    assert {stream for stream in ALL if "brandNew (object)" in fields[stream]} == set(ALL)
    assert "(not a plain name) (string)" in fields["conversations"]
    assert "author.shade (string)" in fields["activity_logs"]
    assert "five-and-more" not in report.text
    assert "jane" not in report.text.lower()
    assert any("report their names and types" in text for text in report.advised)
    rated = report.line("Rows of analytics_records ratings")
    assert "primaryTimestampField.timestamp (string), value.value (integer)" in rated
    for kind in INTELLIGENCE:
        assert "value (" in report.line(f"Rows of intelligence_records {kind}")
    assert len(report.text.splitlines()) <= 150


def texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts(part)


def test_the_report_holds_no_token_no_id_and_no_value_of_any_record(tested):
    said = f"You sent Bearer {TOKEN} from jane@example.com"
    echo = Refusal(403, {"X-Echo": TOKEN}, said)
    tested = tested(token=TOKEN, new_fields=True, api_faults=[echo])
    sandbox, run, report = tested.sandbox, tested.run, tested.text
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
    # What record types there are is no secret, and the word is in some names of theirs.
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


# What it advises, and for which streams.


@slow
def test_a_stream_that_fails_leaves_the_others_tested_and_all_reported(tested):
    fail = {"missing": {"/v1/tags", "/v1/message_export"}, "forbidden": {"/v1/endusers": 403}}
    report = tested(**fail, status=1)
    (error,) = report.run.errors
    assert f"2 of {len(EVERY)} streams failed" in error
    for stream in ALL:
        assert len(report.run.records(stream)) == (stream not in {"tags", "messages", "end_users"})
    failed = ("404 x1", "failed: NotFoundError")
    assert report.cells("tags") == [("/v1/tags", *failed), ("/beta/tags", *failed)]
    assert report.cells("end_users") == [("/v1/endusers", "403 x1", "no access")]
    assert [text.partition(" (")[0] for text in report.advised] == [
        "- end_users: api_token has no access",
        "- messages, tags: there is nothing at this path",
    ]


@slow
def test_what_works_or_is_off_by_default_needs_no_advice(tested):
    lacks, parts = {"/beta/intelligence", "/v1/analytics"}, {"longest_export_days": 0.3}
    report = tested(beta_only={"/v1/agents"}, missing=lacks, **parts, too_long="413")
    # Of a day in parts, the log says what to set.
    assert "cannot export more than" in report.run.log
    found = [("/v1/agents", "404 x1", "read"), ("/beta/agents", "200 x1", "read")]
    assert report.cells("agents") == found
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


@slow
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


def test_record_types_without_a_row_need_no_advice(tested):
    report = tested(changes={"start_date": expected.iso(NOON - 2 * HOUR)})
    assert report.text.endswith(NOTHING)


FAST_CLOCK = """
import sys, time
real = time.time
time.time = lambda: real() + 1800
from tap_dixa.__main__ import main
main()
"""


@slow
def test_clocks_that_differ_are_reported(tested):
    text = tested(run_options={"program": ["-c", FAST_CLOCK]}).text
    for clock in line(text, "Clocks").split("; "):
        apart = re.fullmatch(r"\w+ API: ([\d,]+) s behind this machine's", clock)[1]
        assert 1790 <= int(apart.replace(",", "")) <= 1805
    (only,) = advised(text)
    assert only.startswith("- Exports API, Dixa API: ")
    assert "lookback_seconds" in only


def test_other_tests_of_the_sdk_stay_as_they_are(serve, run_tap):
    sandbox = serve(days=3)
    run = checks.succeeded(run_tap(settings(sandbox), "--test=schema"))
    assert [message["type"] for message in run.messages] == ["SCHEMA"] * len(EVERY)
    assert sandbox.answered == []
    sync = checks.succeeded(run_tap(settings(sandbox), "--test=disabled"))
    checks.emitted_exactly(sync, "messages", expected.records(sandbox.data, "messages"))
    assert "Singer SDK" not in run.log + sync.log

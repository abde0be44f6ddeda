"""The report of a connection test as a whole, what it costs, and what it never holds."""

import json
import re

import pytest

from tap_dixa_sandbox.filters import Bounds
from tests import expected
from tests.conftest import HOUR, NOON, settings
from tests.end_to_end import checks
from tests.end_to_end.connection_test.conftest import NOTHING, TOKEN, line, unfolded
from tests.end_to_end.everything import ALL, EVERY, RECORDS, rows
from tests.end_to_end.queried import ANALYTICS, INTELLIGENCE
from tests.faults import Refusal
from tests.pages import blocks


@pytest.mark.slow
def test_a_test_of_what_the_tap_assumes_has_nothing_to_advise(tested):
    report = tested(conversations=3000, days=40)
    run, text = report.run, report.text
    assert {stream: len(run.records(stream)) for stream in EVERY} == dict.fromkeys(EVERY, 1)
    assert run.log.rstrip().endswith(text.rstrip())
    assert text.endswith(NOTHING)
    named = [row for row in text.splitlines() if row.split(" ")[0] in EVERY]
    assert {row.split(" ")[0] for row in named} >= set(ALL)
    assert all(row.endswith("  read") for row in named[: len(EVERY)])
    # Two more requests for each export, for two seconds each, tell what filters include.
    assert report.cells("messages", "/v1/message_export") == [("200 x3", "read")]
    assert report.cells("conversations", "/v1/conversation_export") == [("200 x3", "read")]
    asked = checks.requests(report.sandbox, "conversations")
    assert len(asked) == 4 + 2
    assert len(report.sandbox.answered) < 130
    for query in (*asked, *checks.requests(report.sandbox, "messages")):
        values = [int(value) for value in query.values()]
        assert max(values) - min(values) < 25 * HOUR
    for query in asked[-2:]:
        assert int(query["updated_before"]) - int(query["updated_after"]) == 2000
    assert "unordered by updated_at" in report.cells("conversations")[1]
    assert "unordered by created_at" in report.cells("messages")[1]
    # Ids are in no path.
    assert report.cells("queue_members", "/v1/queues/{queueId}/members")
    assert report.cells("conversation_notes", "/v1/conversations/{csid}/notes")
    catalogs = "/v1/knowledge/collections/{collectionId}/catalog"
    assert report.cells("knowledge_collections", catalogs)
    data = report.sandbox.data
    day = expected.source(data, "messages", NOON - 21 * HOUR, NOON + 3 * HOUR)
    count, size, _ = report.cells("messages")[1]
    assert count == f"{len(day):,}"
    assert abs(float(size.split()[0]) - len(json.dumps([*day.values()])) / 1e6) < 0.2
    same = "Exports API: same as this machine's; Dixa API: same as this machine's"
    assert report.line("Clocks") == same
    assert report.line("Fields that no schema has") == "none"
    assert report.line("Values that their field cannot hold") == "none"
    assert len(text.splitlines()) <= 150
    assert max(map(len, text.splitlines())) <= 80


def texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts(part)


@pytest.mark.slow
def test_the_documented_report_looks_like_one(tested):
    bounds = Bounds(True, False)
    report = tested(conversations=200, missing={"/v1/business-hours"}, bounds=bounds)
    page = blocks("quickstart.md", "text")["Check the connection"]

    def frame(text):
        return [re.split(r" {2,}|:|tap-dixa \S+", row)[0] for row in unfolded(text).splitlines()]

    rows = iter(frame(report.text))
    assert [row for row in frame(page) if row != "…" and row not in rows] == []
    assert line(page, "Bounds of filters") == report.line("Bounds of filters")
    assert unfolded(page).split("What to do:\n")[1].splitlines() == report.advised


def test_the_report_holds_no_token_no_id_and_no_value_of_any_record(tested, evidence):
    said = f"You sent Bearer {TOKEN} from jane@example.com"
    echo = Refusal(403, {"X-Echo": TOKEN}, said)
    tested = tested(token=TOKEN, new_fields=True, out_of_place=3, api_faults=[echo])
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
    evidence("values of records searched for in a report", len(long))


def test_other_tests_of_the_sdk_stay_as_they_are(serve, run_tap):
    sandbox = serve(days=3)
    run = checks.succeeded(run_tap(settings(sandbox), "--test=schema"))
    assert [message["type"] for message in run.messages] == ["SCHEMA"] * len(EVERY)
    assert sandbox.answered == []
    sync = checks.succeeded(run_tap(settings(sandbox), "--test=disabled"))
    checks.emitted_exactly(sync, "messages", expected.records(sandbox.data, "messages"))
    assert "Singer SDK" not in run.log + sync.log

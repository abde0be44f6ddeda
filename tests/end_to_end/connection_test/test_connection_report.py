"""The report of a connection test as a whole, what it costs, and what it never holds."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from tap_dixa.tap import TapDixa
from tap_dixa_sandbox.filters import Bounds
from tests import expected
from tests.conftest import HOUR, NOON, settings
from tests.end_to_end import checks
from tests.end_to_end.connection_test.conftest import (
    NOTHING,
    TOKEN,
    advised,
    cells,
    line,
    report_of,
    unfolded,
)
from tests.end_to_end.everything import ALL, EVERY, RECORDS, rows
from tests.end_to_end.queried import ANALYTICS, INTELLIGENCE
from tests.faults import Refusal
from tests.pages import blocks


@pytest.mark.slow
def test_a_test_of_what_the_tap_assumes_has_nothing_to_advise(serve, run_tap):
    sandbox = serve(conversations=3000, days=40)
    run = checks.succeeded(run_tap(settings(sandbox), "--test"))
    report = report_of(run.log)
    assert {stream: len(run.records(stream)) for stream in EVERY} == dict.fromkeys(EVERY, 1)
    assert run.log.rstrip().endswith(report.rstrip())
    assert report.endswith(NOTHING)
    named = [row for row in report.splitlines() if row.split(" ")[0] in EVERY]
    assert {row.split(" ")[0] for row in named} >= set(ALL)
    assert all(row.endswith("  read") for row in named[: len(EVERY) + 3])
    assert cells(report, "messages", "/v1/message_export") == [("200 x1", "read")]
    assert cells(report, "conversations", "/v1/conversation_export") == [("200 x3", "read")]
    # Ids are in no path.
    assert cells(report, "queue_members", "/v1/queues/{queueId}/members")
    assert cells(report, "conversation_notes", "/v1/conversations/{csid}/notes")
    assert cells(
        report, "knowledge_collections", "/v1/knowledge/collections/{collectionId}/catalog"
    )
    day = expected.source(sandbox.data, "messages", NOON - 21 * HOUR, NOON + 3 * HOUR)
    count, size, _ = cells(report, "messages")[1]
    assert count == f"{len(day):,}"
    assert abs(float(size.split()[0]) - len(json.dumps([*day.values()])) / 1e6) < 0.2
    assert line(report, "Clocks") == (
        "Exports API: same as this machine's; Dixa API: same as this machine's"
    )
    assert line(report, "Fields that no schema has") == "none"
    assert line(report, "Values that their field cannot hold") == "none"
    assert len(report.splitlines()) <= 85
    assert max(map(len, report.splitlines())) <= 130


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
    run = checks.succeeded(run_tap(settings(sandbox), "--test"))
    report, page = report_of(run.log), blocks("quickstart.md", "text")["Check the connection"]

    def frame(text):
        return [re.split(r" {2,}|:|tap-dixa \S+", row)[0] for row in unfolded(text).splitlines()]

    rows = iter(frame(report))
    assert [row for row in frame(page) if row != "…" and row not in rows] == []
    assert line(page, "Bounds of filters") == line(report, "Bounds of filters")
    assert advised(page) == advised(report)


def test_the_report_holds_no_token_no_id_and_no_value_of_any_record(serve, run_tap, evidence):
    sandbox = serve(token=TOKEN, new_fields=True, out_of_place=3)
    said = f"You sent Bearer {TOKEN} from jane@example.com"
    sandbox.behaviour.api_faults.append(Refusal(403, {"X-Echo": TOKEN}, said))
    run = checks.succeeded(run_tap(settings(sandbox), "--test"))
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


SEVERAL_AHEAD = re.compile(
    r"/(members|agents|notes|ratings|definition|catalog|flows)$|/knowledge/(categories|articles)/"
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
    run = checks.succeeded(run_tap(settings(sandbox), "--test=schema"))
    assert [message["type"] for message in run.messages] == ["SCHEMA"] * len(EVERY)
    assert sandbox.answered == []
    assert "Singer SDK" not in run.log


@pytest.mark.slow
def test_a_disabled_test_is_a_sync(serve, run_tap):
    sandbox = serve(days=3)
    run = checks.succeeded(run_tap(settings(sandbox), "--test=disabled"))
    checks.emitted_exactly(run, "messages", expected.records(sandbox.data, "messages"))
    assert "Singer SDK" not in run.log

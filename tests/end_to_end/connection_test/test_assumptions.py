"""What the report says of Dixa where the tap has to assume something."""

from __future__ import annotations

import json

import pytest

from tap_dixa_sandbox.filters import Bounds
from tests.conftest import HOUR, NOON, settings
from tests.end_to_end import checks
from tests.end_to_end.connection_test.conftest import advised, cells, line, report_of
from tests.end_to_end.everything import ALL
from tests.end_to_end.queried import INTELLIGENCE
from tests.faults import Odd, Refusal

IN_THE_DAY = NOON - 3 * HOUR


@pytest.mark.slow
@pytest.mark.parametrize(
    ("after", "before"), [(True, False), (False, True), (True, True), (False, False)]
)
def test_the_report_tells_whether_filters_include_their_bounds(serve, tested, after, before):
    report = tested(serve(bounds=Bounds(after, before)))
    said = {True: "inclusive", False: "exclusive"}
    assert line(report, "Bounds of filters") == (
        f"updated_after {said[after]}, updated_before {said[before]}"
    )


@pytest.mark.slow
def test_without_a_record_the_bounds_are_not_known(serve, tested):
    sandbox = serve()
    sandbox.behaviour.faults.append(Refusal(200, body="[]"))
    report = tested(sandbox)
    assert line(report, "Bounds of filters") == "updated_after not known, updated_before not known"
    assert len(checks.requests(sandbox, "conversations")) == 3  # notes and ratings read them too


@pytest.mark.slow
def test_a_failed_request_for_a_bound_is_not_repeated(serve, run_tap):
    sandbox = serve()
    # Conversations, messages, the conversations of notes and ratings, and the first of the two.
    sandbox.behaviour.faults.extend([*[None] * 4, Refusal(503)])
    run = checks.succeeded(run_tap(settings(sandbox), "--test"))
    report = report_of(run.log)
    assert line(report, "Bounds of filters") == (
        "updated_after not known, updated_before inclusive"
    )
    assert "retrying" not in run.log


@pytest.mark.slow
@pytest.mark.parametrize(
    ("order", "told"),
    [("ascending", "ascending"), ("descending", "descending"), ("shuffled", "unordered")],
)
def test_the_order_of_a_response_is_reported(serve, tested, order, told):
    report = tested(serve(activity_order=order))
    assert cells(report, "activity_logs")[1][-1] == told


@pytest.mark.slow
def test_fields_that_no_schema_has_are_reported_by_name(serve, tested):
    report = tested(serve(new_fields=True))
    texts = line(report, "Fields that no schema has").split("; ")
    fields = dict(text.split(": ") for text in texts)
    assert {stream for stream in ALL if "brandNew (object)" in fields[stream]} == set(ALL)
    assert "tags_info[].shade (string)" in fields["conversations"]
    assert "author.shade (string)" in fields["activity_logs"]
    (only,) = advised(report)
    assert "additional_properties" in only
    assert len(report.splitlines()) <= 100


@pytest.mark.slow
def test_types_that_no_schema_allows_are_reported(serve, tested):
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
    report = tested(sandbox)
    assert line(report, "Values that their field cannot hold") == (
        "conversations: rating_score (string)"
    )
    assert line(report, "Fields that no schema has") == (
        "conversations: (not a plain name) (string)"
    )
    assert "five-and-more" not in report
    assert "jane" not in report.lower()
    assert any("report their names and types" in text for text in advised(report))


@pytest.mark.slow
def test_the_shapes_of_rows_that_are_not_documented_are_reported(serve, tested):
    report = tested(serve())
    rated = line(report, "Rows of analytics_records ratings")
    assert "primaryTimestampField.timestamp (string), value.value (integer)" in rated
    assert "fields.conversation_id.value (integer), fields.conversation_id._type" in rated
    present = line(report, "Rows of intelligence_records agentPresenceDuration")
    count, shape = present.split(", ", 1)
    assert int(count) > 20
    assert shape.startswith("agent.value (string), agent.label (string)")
    assert "duration.value (integer)" in shape
    assert {kind for kind in INTELLIGENCE if f"Rows of intelligence_records {kind}: " in report}

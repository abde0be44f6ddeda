"""What the report says of Dixa where the tap has to assume something."""

import json

import pytest

from tap_dixa_sandbox.filters import Bounds
from tests.conftest import HOUR, NOON
from tests.end_to_end.everything import ALL
from tests.end_to_end.queried import INTELLIGENCE
from tests.faults import Odd, Refusal

pytestmark = pytest.mark.slow
IN_THE_DAY = NOON - 3 * HOUR


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


@pytest.mark.parametrize(
    ("faults", "before", "requests"),
    [
        ([Refusal(200, body="[]")], "not known", 4),  # for notes, ratings and links too
        # Messages, the conversations of notes, ratings and links, and the first of two for bounds.
        ([*[None] * 5, Refusal(503)], "inclusive", 6),
    ],
    ids=["no record", "no response"],
)
def test_what_cannot_be_told_is_not_requested_again(tested, faults, before, requests):
    report = tested(faults=faults)
    bounds = report.line("Bounds of filters")
    assert bounds.endswith(f"updated_after not known, updated_before {before}")
    asked = [path for path, _, _ in report.sandbox.answered if path == "/v1/conversation_export"]
    assert len(asked) == requests
    assert "retrying" not in report.run.log


def test_fields_that_no_schema_has_are_reported_by_name(tested):
    report = tested(new_fields=True)
    texts = report.line("Fields that no schema has").split("; ")
    fields = dict(text.split(": ") for text in texts)
    assert {stream for stream in ALL if "brandNew (object)" in fields[stream]} == set(ALL)
    assert "tags_info[].shade (string)" in fields["conversations"]
    assert "author.shade (string)" in fields["activity_logs"]
    (only,) = report.advised
    assert "additional_properties" in only
    assert len(report.text.splitlines()) <= 150


def test_types_and_shapes_are_reported_without_values(tested):
    odd = {
        "id": 7,
        "updated_at": IN_THE_DAY,
        "created_at": IN_THE_DAY,
        "rating_score": "five-and-more",
        "jane.doe@example.com": "written by Jane",
    }
    report = tested(faults=[Odd(json.dumps(odd))])
    found = report.line("Values that their field cannot hold")
    assert found == "conversations: rating_score (string)"
    found = report.line("Fields that no schema has")
    assert found == "conversations: (not a plain name) (string)"
    assert "five-and-more" not in report.text
    assert "jane" not in report.text.lower()
    assert any("report their names and types" in text for text in report.advised)
    rated = report.line("Rows of analytics_records ratings")
    assert "primaryTimestampField.timestamp (string), value.value (integer)" in rated
    count, shape = report.line("Rows of intelligence_records agentPresenceDuration").split(", ", 1)
    assert int(count) > 20
    assert shape.startswith("agent.value (string), agent.label (string)")
    assert all(f"Rows of intelligence_records {kind}: " in report.text for kind in INTELLIGENCE)

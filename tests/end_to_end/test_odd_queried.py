"""Rows and catalogues that are not as documented: `read/test_record_rows.py` has any shape."""

import json
import re

import pytest

from tap_dixa_sandbox import analytics, intelligence
from tests.conftest import NOON
from tests.end_to_end import checks
from tests.expected import iso
from tests.faults import Refusal

AGENT = "e756afa3-77cb-424c-8210-edc93a8926bc"
ANALYTICS_ROW = {
    "primaryTimestampField": {"name": "rated_at", "timestamp": iso(NOON)},
    "value": {"value": 4, "_type": "LongField"},
    "fields": [
        {"name": "csid", "field": {"value": 7, "_type": "LongField"}},
        {"name": "agent_id", "field": {"value": AGENT, "label": "Zoë", "_type": "UUIDField"}},
        {"name": "tags", "field": {"values": [{"value": "a"}], "_type": "ListField"}},
    ],
}
INTELLIGENCE_ROW = {
    "conversationId": {"value": 7},
    "agent": {"value": AGENT, "label": "Zoë"},
    "closedAt": {"value": iso(NOON)},
}
STREAMS = {
    "analytics_records": (analytics.record_types(), json.dumps(ANALYTICS_ROW)),
    "intelligence_records": (intelligence.record_types(), json.dumps(INTELLIGENCE_ROW)),
}
SMALL = ["null", "true", "-1", "1e400", '""', r'"\ud800"', r'"\u0000"', "[]", "{}", "[[]]"]
TOO_DEEP = '{"x": ' + "[" * 10_000 + "]" * 10_000 + "}"
ODD_ENTRIES = [
    *SMALL,
    *(f'{{"id": {value}, "category": "agents"}}' for value in SMALL),
    *(f'{{"id": "a/../b?c#d", "category": {value}, "filters": {value}}}' for value in SMALL),
]


def array(*rows):
    """Make a page of rows, each of them JSON."""
    return Refusal(200, body=f'{{"data": [{", ".join(rows)}]}}')


@pytest.fixture
def account(account_of):
    return account_of(*STREAMS, conversations=1, days=3)


@pytest.mark.parametrize("stream", STREAMS)
def test_a_row_that_is_nested_too_deeply_fails_its_record_type_alone(account, stream):
    kinds, row = STREAMS[stream]
    account.behaviour.api_faults.extend([None, array(row, TOO_DEEP), *[array(row) for _ in kinds]])
    run = account.sync(stream)
    if run.status == 0:  # how deep is too deep depends on the version of Python
        assert run.output.count('"type":"RECORD"') == len(kinds) + 1
        return
    assert "nested too deeply" in checks.failed(run)
    assert [record["recordId"] for record in run.records(stream)] == [k["id"] for k in kinds[1:]]


@pytest.mark.parametrize("stream", STREAMS)
def test_whatever_a_catalogue_is_there_is_at_most_one_line(account, stream):
    kinds, row = STREAMS[stream]
    usual = json.dumps(kinds[0])
    for entries in (ODD_ENTRIES, [usual, usual, '{"id": 5}'], *([odd] for odd in ODD_ENTRIES[::4])):
        account.behaviour.api_faults.clear()
        account.behaviour.api_faults.extend([array(*entries), *[array(row)] * 50])
        run = account.sync(stream, state={})
        if run.status:
            assert re.search(f"{stream}.*(id cannot be used|no category)", checks.failed(run))
        assert bool(run.records(stream)) == (usual in entries or not run.status)
        assert "unexpected" not in run.log
        checks.fits_its_schema(run, stream)


@pytest.mark.parametrize(("value", "sent"), [('"x"', ["x"]), ("5", None)])
def test_a_filter_is_sent_if_its_values_are_as_documented(account, value, sent):
    filters = [{"filterAttribute": "channel"}, {"filterAttribute": "initial_direction"}]
    kinds = json.dumps({"id": "ratings", "filters": filters})
    values = array(f'{{"value": {value}, "label": "X"}}')
    account.behaviour.api_faults.extend([array(kinds), Refusal(400), values])
    account.synced("analytics_records")
    # Without a filter that helps, less is requested.
    body = json.loads(account.answered[-1][1]["body"])
    filtered = sent and [{"attribute": "initial_direction", "values": sent}]
    assert body.get("filters") == filtered

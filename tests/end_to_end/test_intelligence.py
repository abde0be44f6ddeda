"""Records of the Intelligence API, whatever its rows are."""

import json
from itertools import pairwise

import pytest

from tests import expected
from tests.conftest import DAY, HOUR, NOON, both_paths_slowly
from tests.end_to_end import checks
from tests.end_to_end.queried import (
    INTELLIGENCE,
    bookmarks,
    counted,
    intelligence_records,
    rows_of,
    text,
    times_by_kind,
)
from tests.expected import iso, rfc3339
from tests.faults import BrokenResponse, Refusal

STREAM = "intelligence_records"


def bodies(account):
    """Give what the last run asked for rows."""
    return [json.loads(query["body"]) for _, query, _ in account.answered if "body" in query]


def intervals(account):
    periods = [body["primaryFilter"]["period"]["interval"] for body in bodies(account)]
    return {(period["from"], period["to"]) for period in periods}


@both_paths_slowly
def test_every_row_field_by_field_through_pages_and_faults(account_of, options):
    streams, config = (STREAM, "intelligence_record_types", "agents"), {"page_size": 100, **options}
    account = account_of(*streams, config=config, conversations=60, days=4)
    # Agents, the catalogue once for each stream, and the first kind.
    faults = [None, None, None, Refusal(429), BrokenResponse("hangup", 500)]
    account.behaviour.api_faults.extend(faults)
    run = account.synced(window_days=3)
    assert not account.behaviour.api_faults
    records = run.records(STREAM)
    assert counted(records, "timestamp") == intelligence_records(account.sandbox)
    assert len({record["id"] for record in records}) == len(records)
    checks.fits_its_schema(run, STREAM)
    checks.fits_its_schema(run, "intelligence_record_types")
    kinds = {r["id"]: r["category"] for r in run.records("intelligence_record_types")}
    assert kinds == INTELLIGENCE
    agents = {record["id"] for record in run.records("agents")}
    assert {r["agentId"] for r in records if r["category"] == "agents"} <= agents
    assert sum("pageKey" in body["pagination"] for body in bodies(account)) > 1
    # The timestamp is the start of the window that Dixa had the row in, give or take a second.
    windows = pairwise([account.data.start, account.data.start + 3 * DAY, NOON + 3 * HOUR])
    assert intervals(account) == {(iso(a - 1000), iso(b + 1000)) for a, b in windows}
    presences = [record for record in records if record["recordId"] == "agentPresenceDuration"]
    for record in presences:
        began = expected.milliseconds(rfc3339(record["fields"]["startedAt"]["value"]))
        assert 0 <= began - expected.milliseconds(record["timestamp"]) <= 3 * DAY + 1000
    assert times_by_kind(records).keys() <= bookmarks(run.state, STREAM).keys()
    assert min(bookmarks(run.state, STREAM).values()) >= iso(NOON + 3 * HOUR - DAY)


def begun(records):
    """Give the agent and the beginning of each interval of presence."""
    return {(r["agentId"], r["fields"]["startedAt"]["value"]) for r in records}


@pytest.mark.slow
def test_an_interval_that_had_not_ended_arrives_again_when_it_has(account_of):
    # After midnight: one interval has begun on the day before, and another one since.
    now, kind = NOON + 12 * HOUR + HOUR // 4, "agentPresenceDuration"
    only = {"intelligence_record_ids": [kind], "window_days": 3}
    account = account_of(STREAM, config=only, conversations=10, days=8, now=now)
    first = account.synced(end_date=iso(now)).records(STREAM)
    account.wait(DAY)
    second = account.synced(end_date=iso(now + DAY)).records(STREAM)
    # What was read before it had ended stays, as a row of its own.
    loaded = checks.loaded(STREAM, *account.runs).values()
    ended = [text(r["fields"]) for r in loaded if "endedAt" in r["fields"]]
    rows = rows_of(account.sandbox, kind)
    assert sorted(ended) == sorted(text(row) for row in rows if "endedAt" in row)
    unfinished = begun(record for record in first if "endedAt" not in record["fields"])
    assert len(unfinished) > 1
    assert unfinished <= begun(second)


@pytest.mark.slow
def test_the_last_days_are_read_again(account_of):
    account = account_of(STREAM, conversations=10, days=12)
    bookmark = {"replication_key": "timestamp", "replication_key_value": iso(NOON)}
    partitions = [{"context": {"recordId": kind}, **bookmark} for kind in INTELLIGENCE]
    state = {"bookmarks": {STREAM: {"partitions": partitions}}}
    run = account.synced(state=state, intelligence_lookback_days=5)
    assert {start for start, _ in intervals(account)} == {iso(NOON - 5 * DAY - 1000)}
    assert {r["timestamp"] for r in run.records(STREAM)} == {rfc3339(iso(NOON - 5 * DAY))}

"""Records of the Analytics API."""

import pytest

from tests.conftest import DAY, HOUR, NOON, SDK_PATH, Run, both_paths_slowly
from tests.end_to_end import checks
from tests.end_to_end.batches import batch_config, batched
from tests.end_to_end.loaded import is_whole
from tests.end_to_end.queried import (
    ANALYTICS,
    analytics_records,
    bookmarks,
    counted,
    times_by_kind,
)
from tests.expected import iso
from tests.faults import BrokenResponse, Refusal

STREAM = "analytics_records"


@both_paths_slowly
def test_every_row_field_by_field_through_pages_and_faults(account_of, options):
    account = account_of(STREAM, config=options, conversations=400, days=20)
    faults = [None, Refusal(429), None, BrokenResponse("hangup", 500)]
    account.behaviour.api_faults.extend(faults)
    run = account.synced()
    assert not account.behaviour.api_faults
    rows, records = analytics_records(account.sandbox), run.records(STREAM)
    assert counted(records) == rows
    assert max(rows.values()) > 1  # rows that are equal in everything
    assert len({record["id"] for record in records}) == len(records)
    checks.fits_its_schema(run, STREAM)
    times = times_by_kind(records)
    assert bookmarks(run.state, STREAM) == {kind: mine[-1] for kind, mine in times.items()}
    assert sum("pageKey" in query for _, query, _ in account.answered) >= 2


def test_they_agree_with_the_exports_and_join(account_of):
    catalogues = ("analytics_record_types", "analytics_metrics")
    streams = ("conversations", "agents", "queues", *catalogues)
    account = account_of(STREAM, *streams, conversations=80, days=10, late=600_000)
    run = account.synced()
    records = run.records(STREAM)
    closed = [r["conversationId"] for r in records if r["recordId"] == "closed_conversations"]
    exported = [r["id"] for r in run.records("conversations") if r.get("closed_at")]
    assert sorted(closed) == sorted(exported)
    assert len(closed) > 40
    ids = {stream: {r["id"] for r in run.records(stream)} for stream in streams}
    joins = ("conversationId", "agentId", "queueId", "recordId")
    for name, stream in zip(joins, streams, strict=False):
        assert {record[name] for record in records} <= ids[stream] | {None}
    for kind in run.records("analytics_record_types"):
        assert set(kind["relatedMetricIds"]) <= ids["analytics_metrics"]
    for stream in catalogues:
        checks.fits_its_schema(run, stream)
        assert len(run.records(stream)) == 3


@pytest.mark.slow
def test_whatever_dixa_is_like_all_rows_arrive(account_of):
    account = account_of(STREAM, conversations=360, days=20)
    rows = analytics_records(account.sandbox)
    account.behaviour.analytics_filters = account.behaviour.analytics_page_keys = True
    account.behaviour.beta_only.add("/v1/analytics")
    run = account.synced()
    assert counted(run.records(STREAM)) == rows
    assert run.log.count("Dixa requires a filter: sending all values of initial_direction") == 3


# The record types: each has its own bookmark, and may fail alone.


@pytest.mark.parametrize("failing", range(len(ANALYTICS)), ids=ANALYTICS)
@pytest.mark.parametrize(
    ("batch", "status", "options"),
    [
        (True, 405, {}),
        pytest.param(True, 403, SDK_PATH, marks=pytest.mark.slow),
        pytest.param(False, 405, {}, marks=pytest.mark.slow),
    ],
    ids=["BATCH", "BATCH, SDK path", "RECORD"],
)
def test_a_kind_that_fails_stops_no_other_and_is_read_by_the_next_run(
    account_of, tmp_path, failing, batch, status, options
):
    batches = {"batch_config": batch_config(tmp_path, batch_size=20)} if batch else {}
    emitted = batched if batch else Run.records
    account = account_of(STREAM, "tags", config=options | batches, conversations=60, days=6)
    # Tags, the catalogue, and the kinds before it.
    account.behaviour.api_faults.extend([None] * (2 + failing) + [Refusal(status)])
    line, kind = account.failure(), ANALYTICS[failing]
    assert "1 of 2 streams failed, the others were synced: analytics_records: " in line
    assert f"these record types failed, the others were synced: {kind}: " in line
    first = account.runs[-1]
    assert emitted(first, "tags")
    rows = emitted(first, STREAM)
    assert {row["recordId"] for row in rows} == {*ANALYTICS} - {kind}
    assert batch == (len(first.of("BATCH", STREAM)) > 2)
    # The state has what was emitted: the next run adds the rest, and nothing is missing.
    assert bookmarks(first.state, STREAM)[kind] is None
    more = emitted(account.synced(), STREAM)
    is_whole(account.sandbox, STREAM, rows + more)
    assert len(more) < len({row["id"] for row in rows + more})


@pytest.mark.parametrize("status", [405, 403])
def test_if_all_fail_the_line_names_all_or_the_stream_is_skipped(account_of, status):
    account = account_of(STREAM, conversations=10, days=6)
    account.behaviour.api_faults.extend([None, *[Refusal(status)] * 3])
    if status == 403:
        assert account.synced().log.count(f"Skipping stream {STREAM}") == 1
    else:
        line = account.failure()
        assert "all record types failed: ratings: " in line
        assert all(f"{kind}: " in line for kind in ANALYTICS)


@pytest.mark.slow
def test_the_kinds_can_be_narrowed(account_of):
    account = account_of(STREAM, conversations=60, days=6)
    records = account.synced(analytics_record_ids=["ratings"]).records(STREAM)
    assert {record["recordId"] for record in records} == {"ratings"}
    line = account.failure(analytics_record_ids=["ratings", "csat"])
    assert "csat: analytics_record_ids has an id that is not in Dixa's catalogue" in line
    assert "ratings, closed_conversations, first_response_time" in line
    assert account.runs[-1].records(STREAM)


@pytest.mark.slow
def test_a_kind_without_records_is_not_read_from_the_start_again(account_of):
    account = account_of(STREAM, config={"window_days": 20}, conversations=1, days=40)
    found = bookmarks(account.synced().state, STREAM)
    assert all(iso(NOON + 3 * HOUR - DAY) <= bookmark for bookmark in found.values())
    account.synced()
    assert len(account.answered) == 1 + len(ANALYTICS)


@pytest.mark.slow
def test_a_bookmark_of_one_kind_that_cannot_be_used_is_refused(account_of):
    account = account_of(STREAM, conversations=40, days=6)
    part = {"context": {"recordId": "ratings"}, "replication_key": "timestamp"}
    for partitions, said in (
        ([{**part, "replication_key_value": "9000-01-01T00:00:00Z"}], "is in the future"),
        ({"ratings": part}, "cannot be used"),
    ):
        line = account.failure(state={"bookmarks": {STREAM: {"partitions": partitions}}})
        assert said in line
    assert account.sandbox.answered == []
    account.synced(state={"bookmarks": {STREAM: {"partitions": {}}}})

"""Records of the Analytics API."""

from __future__ import annotations

import json
import signal
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from tap_dixa.sandbox.faults import BrokenResponse, Refusal
from tests.conftest import DAY, HOUR, NOON, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.interrupted import latest_state, whole_messages
from tests.end_to_end.queried import ANALYTICS, analytics, bookmarks, text
from tests.expected import iso

STREAM = "analytics_records"
SDK_PATH = {"stream_maps": {STREAM: {"__filter__": "True"}}}
both_paths = pytest.mark.parametrize(
    "options",
    [{}, pytest.param(SDK_PATH, marks=pytest.mark.slow)],
    ids=["fast path", "SDK path"],
)


def rfc3339(text):
    time = datetime.fromisoformat(text).astimezone(UTC)
    return iso(round(time.timestamp() * 1000))


def wanted(sandbox):
    """Count what the tap must emit of each row, but the key."""
    found = Counter()
    for kind in ANALYTICS:
        for row in analytics(sandbox, kind):
            fields = {field["name"]: field["field"] for field in row["fields"]}
            values = {name: field.get("value") for name, field in fields.items()}
            record = {
                "recordId": kind,
                "timestamp": rfc3339(row["primaryTimestampField"]["timestamp"]),
                "timestampField": row["primaryTimestampField"]["name"],
                "conversationId": values.get("conversation_id", values.get("csid")),
                "agentId": values.get("agent_id"),
                "queueId": values.get("queue_id", values.get("queue")),
                "fields": fields,
                **({"value": row["value"]} if "value" in row else {}),
            }
            found[text(record)] += 1
    return found


def content(record):
    """Give a record without its key, and without what is null for a stream map alone."""
    left = {name: value for name, value in record.items() if name != "id"}
    for name in ("value", "additional_properties"):
        if left.get(name, 0) is None:
            del left[name]
    return text(left)


def arrived(*runs):
    return {record["id"]: record for run in runs for record in run.records(STREAM)}


@both_paths
def test_every_row_field_by_field_through_pages_and_faults(serve, run_tap, options, evidence):
    sandbox = serve(conversations=400, days=20)
    faults = [None, Refusal(429), None, BrokenResponse("hangup", 500)]
    sandbox.behaviour.api_faults.extend(faults)
    run = run_tap(settings(sandbox, **options), catalog=catalog(STREAM))
    checks.succeeded(run)
    assert not sandbox.behaviour.api_faults
    rows, records = wanted(sandbox), run.records(STREAM)
    assert Counter(map(content, records)) == rows
    assert max(rows.values()) > 1  # rows that are equal in everything
    assert len({record["id"] for record in records}) == len(records)
    checks.fits_its_schema(run, STREAM)
    times = defaultdict(list)
    for record in records:
        times[record["recordId"]].append(record["timestamp"])
    assert all(mine == sorted(mine) for mine in times.values())
    assert bookmarks(run.state, STREAM) == {kind: mine[-1] for kind, mine in times.items()}
    assert sum("pageKey" in query for _, query, _ in sandbox.answered) >= 2
    evidence("rows of the Analytics API compared field by field", len(records))


def test_they_agree_with_the_exports_and_join(serve, run_tap):
    sandbox = serve(conversations=200, days=20, late=600_000)
    streams = ("conversations", "agents", "queues", "analytics_record_types", "analytics_metrics")
    run = run_tap(settings(sandbox), catalog=catalog(*streams, STREAM))
    checks.succeeded(run)
    records = run.records(STREAM)
    closed = [r["conversationId"] for r in records if r["recordId"] == "closed_conversations"]
    exported = [r["id"] for r in run.records("conversations") if r.get("closed_at")]
    assert sorted(closed) == sorted(exported)
    assert len(closed) > 100
    ids = {stream: {r["id"] for r in run.records(stream)} for stream in streams}
    for record in records:
        assert record["conversationId"] in ids["conversations"]
        assert record["agentId"] in ids["agents"] | {None}
        assert record["queueId"] in ids["queues"]
        assert record["recordId"] in ids["analytics_record_types"]
    for kind in run.records("analytics_record_types"):
        assert set(kind["relatedMetricIds"]) <= ids["analytics_metrics"]
    for stream in ("analytics_record_types", "analytics_metrics"):
        checks.fits_its_schema(run, stream)
        assert len(run.records(stream)) == 3


@both_paths
def test_every_state_is_safe_and_the_keys_stay(serve, run_tap, options):
    sandbox = serve(conversations=100, days=20, late=HOUR)
    chosen = catalog(STREAM)
    config = settings(sandbox, window_days=7, **options)
    first = run_tap(config, catalog=chosen)
    checks.succeeded(first)
    states, known = [], {}
    for message in first.messages:
        if message["type"] == "RECORD":
            known[message["record"]["id"]] = message["record"]
        elif message["type"] == "STATE":
            states.append((message["value"], dict(known)))
    sandbox.data.now.now += HOUR
    for state, before in Random(1).sample(states[:-1], 1) + states[-1:]:
        run = run_tap(config, catalog=chosen, state=state)
        checks.succeeded(run)
        assert Counter(content(r) for r in {**before, **arrived(run)}.values()) == wanted(sandbox)
    # The last one repeats the lookback alone, under the same keys.
    assert len(run.records(STREAM)) < len(known) / 5


@pytest.mark.slow
@pytest.mark.parametrize("most", [1, 4])
def test_a_killed_run_goes_on_where_it_stopped(serve, start_tap, most, evidence):
    sandbox = serve(conversations=700 if most > 1 else 300, days=20)
    config, chosen = settings(sandbox, window_days=4), catalog(STREAM)
    random, state, kills, emitted, found = Random(3), None, 0, 0, {}
    while True:
        tap = start_tap(config, state=state, catalog=chosen, encoding=None)
        if kills < most:
            output = tap.stdout.read(random.randrange(100_000, 300_000))
            tap.kill()
            output += tap.stdout.read()
        else:
            output, _ = tap.communicate()
        messages = whole_messages(output)
        records = [message["record"] for message in messages if message["type"] == "RECORD"]
        found |= {record["id"]: record for record in records}
        emitted += len(records)
        state = latest_state(messages, state)
        if tap.wait() == 0:
            break
        assert tap.returncode == -signal.SIGKILL
        kills += 1
    assert kills == most
    assert Counter(map(content, found.values())) == wanted(sandbox)
    assert emitted <= 1.5 * len(found)
    evidence("kills survived", kills)


def announced(run):
    """Give the lines of all BATCH files."""
    paths = [path for message in run.of("BATCH", STREAM) for path in message["manifest"]]
    files = [Path(path.removeprefix("file://")) for path in paths]
    return [line for file in files for line in file.read_bytes().splitlines()]


@pytest.mark.slow
@both_paths
def test_batches_have_the_same_rows_and_bookmarks(serve, run_tap, tmp_path, options):
    sandbox = serve(conversations=100, days=10)
    batch = {
        "encoding": {"format": "jsonl", "compression": "none"},
        "storage": {"root": tmp_path.as_uri(), "prefix": ""},
        "batch_size": 60,
    }
    plain = run_tap(settings(sandbox), catalog=catalog(STREAM))
    config = settings(sandbox, batch_config=batch, **options)
    run = run_tap(config, catalog=catalog(STREAM))
    checks.succeeded(run)
    lines = announced(run)
    assert len(run.of("BATCH", STREAM)) > 2
    assert len(lines) == len(plain.records(STREAM))
    assert bookmarks(run.state, STREAM) == bookmarks(plain.state, STREAM)
    # Rows of a file that was not finished are not in the state.
    sandbox.behaviour.api_faults.extend([None, None, None, Refusal(405)])
    failed = run_tap(config, catalog=catalog(STREAM))
    assert failed.status == 1
    resumed = run_tap(config, catalog=catalog(STREAM), state=failed.state)
    checks.succeeded(resumed)
    assert set(announced(failed)) < set(lines)
    assert {*announced(failed), *announced(resumed)} == set(lines)


@pytest.mark.slow
@pytest.mark.parametrize(
    "behaviour",
    [
        {"analytics_filters": True},
        {"beta_only": {"/v1/analytics"}, "analytics_page_keys": True},
    ],
    ids=lambda behaviour: next(iter(behaviour)),
)
def test_whatever_dixa_is_like_all_rows_arrive(serve, run_tap, behaviour):
    sandbox = serve(conversations=360, days=20)
    rows = wanted(sandbox)
    for name, value in behaviour.items():
        setattr(sandbox.behaviour, name, value)
    run = run_tap(settings(sandbox), catalog=catalog(STREAM))
    checks.succeeded(run)
    assert Counter(content(record) for record in run.records(STREAM)) == rows
    if "analytics_filters" in behaviour:
        assert run.log.count("Dixa requires a filter: sending all values of initial_direction") == 3


@pytest.mark.slow
def test_one_kind_that_fails_does_not_stop_the_others(serve, run_tap):
    sandbox = serve(conversations=60, days=6)
    # Tags, the catalogue, and the first kind.
    sandbox.behaviour.api_faults.extend([None, None, Refusal(405)])
    streams = (STREAM, "tags")
    run = run_tap(settings(sandbox), catalog=catalog(*streams))
    assert run.status == 1
    (line,) = run.errors
    assert "1 of 2 streams failed, the others were synced: analytics_records: " in line
    assert "these record types failed, the others were synced: ratings: " in line
    kinds = {record["recordId"] for record in run.records(STREAM)}
    assert kinds == {"closed_conversations", "first_response_time"}
    assert run.records("tags")
    assert bookmarks(run.state, STREAM)["ratings"] is None
    second = run_tap(settings(sandbox), catalog=catalog(STREAM), state=run.state)
    checks.succeeded(second)
    assert Counter(content(r) for r in arrived(run, second).values()) == wanted(sandbox)


@pytest.mark.slow
def test_an_account_without_the_api_loses_these_streams_alone(serve, run_tap):
    streams = (STREAM, "analytics_metrics", "tags")
    sandbox = serve(conversations=40, days=6, forbidden={"/v1/analytics": 403})
    run = run_tap(settings(sandbox), catalog=catalog(*streams))
    checks.succeeded(run)
    assert run.log.count("Skipping stream analytics_") == 2
    assert run.records("tags")
    sandbox.behaviour.forbidden.clear()
    sandbox.behaviour.missing.add("/v1/analytics")
    run = run_tap(settings(sandbox), catalog=catalog(*streams))
    checks.succeeded(run)
    assert run.log.count("Skipping stream analytics_") == 2
    assert run.log.count("the account lacks this feature") == 2
    assert run.records("tags")


@pytest.mark.slow
def test_queries_that_the_token_may_not_send_skip_the_stream(serve, run_tap):
    sandbox = serve(conversations=40, days=6)
    sandbox.behaviour.api_faults.extend([None, *[Refusal(403)] * 3])
    run = run_tap(settings(sandbox), catalog=catalog(STREAM))
    checks.succeeded(run)
    assert run.log.count("Skipping stream analytics_records") == 1


@pytest.mark.slow
def test_the_kinds_can_be_narrowed(serve, run_tap):
    sandbox = serve(conversations=60, days=6)
    config = settings(sandbox, analytics_record_ids=["ratings"])
    run = run_tap(config, catalog=catalog(STREAM))
    checks.succeeded(run)
    assert {record["recordId"] for record in run.records(STREAM)} == {"ratings"}
    config = settings(sandbox, analytics_record_ids=["ratings", "csat"])
    run = run_tap(config, catalog=catalog(STREAM))
    assert run.status == 1
    assert "csat: analytics_record_ids has an id that is not in Dixa's catalogue" in run.errors[0]
    assert "ratings, closed_conversations, first_response_time" in run.errors[0]
    assert run.records(STREAM)


@pytest.mark.slow
def test_a_kind_without_records_is_not_read_from_the_start_again(serve, run_tap):
    sandbox = serve(conversations=1, days=40)
    config, chosen = settings(sandbox, window_days=20), catalog(STREAM)
    first = run_tap(config, catalog=chosen)
    checks.succeeded(first)
    found = bookmarks(first.state, STREAM)
    assert all(iso(NOON + 3 * HOUR - DAY) <= bookmark for bookmark in found.values())
    before = len(sandbox.answered)
    checks.succeeded(run_tap(config, catalog=chosen, state=first.state))
    assert len(sandbox.answered) - before == 1 + len(ANALYTICS)


@pytest.mark.slow
def test_rows_without_a_time_fail_their_kind_with_one_line(serve, run_tap):
    sandbox = serve(conversations=40, days=6)
    odd = '{"data": [{"fields": [], "primaryTimestampField": {"name": "closed_at"}}]}'
    sandbox.behaviour.api_faults.extend([None, None, Refusal(200, body=odd)])
    run = run_tap(settings(sandbox), catalog=catalog(STREAM))
    assert run.status == 1
    (line,) = run.errors
    assert "without a usable primaryTimestampField" in line
    assert len({record["recordId"] for record in run.records(STREAM)}) == 2


@pytest.mark.slow
def test_what_dixa_adds_to_a_row_arrives(serve, run_tap):
    sandbox = serve(conversations=40, days=6)
    row = {
        "primaryTimestampField": {"name": "rated_at", "timestamp": iso(NOON)},
        "fields": [{"name": "score", "field": {"value": 10**30, "_type": "LongField"}}],
        "id": "of-dixa",
        "brandNew": [1],
    }
    body = json.dumps({"data": [row, {**row, "id": "another"}]})
    sandbox.behaviour.api_faults.extend([None, Refusal(200, body=body)])
    config = settings(sandbox, analytics_record_ids=["ratings"])
    run = run_tap(config, catalog=catalog(STREAM))
    checks.succeeded(run)
    checks.fits_its_schema(run, STREAM)
    records = run.records(STREAM)
    assert len({record["id"] for record in records}) == len(records) == 2
    assert {record["fields"]["id"]["value"] for record in records} == {"of-dixa", "another"}
    for record in records:
        assert record["fields"]["score"] == {"value": str(10**30), "_type": "LongField"}
        assert record["additional_properties"] == {"brandNew": [1]}


@pytest.mark.slow
def test_a_bookmark_of_one_kind_that_cannot_be_used_is_refused(serve, run_tap):
    sandbox = serve(conversations=40, days=6)
    part = {"context": {"recordId": "ratings"}, "replication_key": "timestamp"}
    for partitions, said in (
        ([{**part, "replication_key_value": "9000-01-01T00:00:00Z"}], "is in the future"),
        ([{**part, "replication_key_value": "soon"}], "is not a date-time"),
        ([part, part], "has partitions that are not"),
        ({}, "has partitions that are not"),
    ):
        state = {"bookmarks": {STREAM: {"partitions": partitions}}}
        run = run_tap(settings(sandbox), catalog=catalog(STREAM), state=state)
        assert run.status == 1
        assert said in run.errors[0]
    assert sandbox.answered == []

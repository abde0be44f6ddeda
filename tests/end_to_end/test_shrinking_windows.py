"""A window that Dixa cannot export at once is requested in parts."""

from __future__ import annotations

import resource
from collections import Counter
from functools import partial

import pytest

from tests import expected
from tests.conftest import DAY, HOUR, both_paths, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.anonymized import redact
from tests.end_to_end.refreshed import LOG
from tests.faults import Refusal

DAYS = 62
PARALLEL = 4
"""How many windows are requested at a time."""


def complete(run, sandbox):
    checks.succeeded(run)
    for stream in expected.STREAMS:
        checks.emitted_exactly(run, stream, expected.records(sandbox.data, stream))
        checks.bookmark_is_the_newest_emitted(run, stream)


def export_of(stream):
    return f"/v1/{stream.removesuffix('s')}_export"


def refused_and_served(sandbox, stream):
    path = export_of(stream)
    mine = [(query, status) for asked, query, status in sandbox.answered if asked == path]
    names = [name for name in mine[0][0] if name.endswith(("_after", "_before"))]
    after, before = sorted(names)
    length = [(int(query[before]) - int(query[after]) - 2000) / DAY for query, _ in mine]
    good = [days for days, (_, status) in zip(length, mine, strict=True) if days <= 8]
    return len(mine) - len(good), good


@pytest.mark.parametrize(
    ("hours", "days"), [(1, 2), (2, 4), (6, 12), (25, 62), (72, 62), (168, 62)]
)
def test_however_short_the_longest_export_is_all_records_come_once(serve, run_tap, hours, days):
    sandbox = serve(conversations=100, days=days, longest_export_days=hours / 24, too_long="413")
    # So few files that each must be closed before the next ones.
    limit = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (24, 24))
    run = run_tap(settings(sandbox, parallel_downloads=PARALLEL), before=limit)
    complete(run, sandbox)
    span = max(days * DAY, sandbox.data.now() - sandbox.data.start)
    for stream in expected.STREAMS:
        statuses = Counter(
            status for path, _, status in sandbox.answered if path == export_of(stream)
        )
        assert statuses[200] <= 2 * -(-span // (hours * HOUR))
        assert statuses[413] <= 10  # 31 days, and its halves down to half an hour
        assert run.log.count(f"{stream}: Dixa cannot export more than") == 1
    states = [state["value"]["bookmarks"] for state in run.of("STATE")]
    assert len({str(state) for state in states}) > 2  # each part is a place to resume from


@both_paths
@pytest.mark.parametrize("kind", ["400", pytest.param("413", marks=pytest.mark.slow)])
def test_what_is_refused_as_too_much_is_halved_at_once(serve, run_tap, kind, options):
    sandbox = serve(days=DAYS, longest_export_days=8, too_long=kind)
    run = run_tap(settings(sandbox, **options))
    complete(run, sandbox)
    for stream in expected.STREAMS:
        refused, served = refused_and_served(sandbox, stream)
        assert refused == 2  # 31 days and 15.5; from then on 7.75
        assert len(served) == 9
        assert run.log.count(f"{stream}: Dixa cannot export more than 186.0 hours at once") == 1
    assert "Set window_days to 7" in run.log


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["504", "500", "cut", "hang"])
def test_what_fails_for_its_length_is_halved_after_retries(serve, run_tap, kind):
    sandbox = serve(days=DAYS, longest_export_days=8, too_long=kind)
    run = run_tap(settings(sandbox, request_timeout_seconds=3, parallel_downloads=PARALLEL))
    complete(run, sandbox)
    for stream in expected.STREAMS:
        refused, served = refused_and_served(sandbox, stream)
        # It may have been an outage: once a part has succeeded, longer ones are tried.
        at_first = 3 if kind == "hang" else 5
        assert at_first < refused <= at_first + 2 * PARALLEL
        assert len(served) <= 2 * 2 * 4  # two windows of 31 days take four exports each


QUERIED = ("activity_logs", "analytics_records", "intelligence_records")


@pytest.mark.parametrize("stream", QUERIED)
@pytest.mark.parametrize(
    "kind",
    [
        "504",
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("400", "413", "cut", "hang")),
    ],
)
def test_windows_of_the_dixa_api_are_halved_too(serve, run_tap, stream, kind):
    sandbox = serve(conversations=100, days=16, late=0)
    config = settings(sandbox, request_timeout_seconds=3)
    wanted = checks.succeeded(run_tap(config, catalog=catalog(stream))).records(stream)
    days = 9 if kind == "504" else 2  # each halving after a 504 is a wait
    sandbox.behaviour.longest_query_days, sandbox.behaviour.too_long = days, kind
    before = len(sandbox.answered)
    run = checks.succeeded(run_tap(config, catalog=catalog(stream)))
    records = run.records(stream)
    assert sorted(record["id"] for record in records) == sorted(record["id"] for record in wanted)
    assert records
    requests = len(sandbox.answered) - before
    kinds = len({record.get("recordId") for record in records})
    assert requests <= 2 * 8 * kinds + 16


@pytest.mark.parametrize("kind", [pytest.param("413", marks=pytest.mark.slow), "504"])
def test_the_search_for_redacted_messages_is_halved_too(serve, run_tap, kind):
    sandbox = serve(conversations=100, days=25)
    chosen = catalog("messages")
    first = checks.succeeded(run_tap(settings(sandbox), catalog=chosen))
    stale = redact(sandbox)
    sandbox.data.now.now += HOUR
    early = {
        "bookmarks": {
            "messages": {
                **first.state["bookmarks"]["messages"],
                "refresh": {"conversations": expected.iso(sandbox.data.now() - 20 * DAY)},
            }
        }
    }
    days = 11 if kind == "504" else 2
    sandbox.behaviour.longest_query_days, sandbox.behaviour.too_long = days, kind
    run = checks.succeeded(run_tap(settings(sandbox), catalog=chosen, state=early))
    again = {record["id"]: record for record in run.records("messages")}
    for message in stale:
        assert again[message["id"]].get("text") is None
    log = [status for path, _, status in sandbox.answered if path == LOG]
    assert log.count(200) <= 2 * 10 + 1
    assert run.log.count("Dixa cannot export more than") == (kind == "413")


@pytest.mark.slow
def test_an_outage_does_not_leave_short_windows(serve, run_tap):
    sandbox = serve(conversations=100, days=200)
    sandbox.behaviour.faults.extend([Refusal(503)] * 6)
    run = checks.succeeded(run_tap(settings(sandbox), catalog=catalog("conversations")))
    checks.emitted_exactly(run, "conversations", expected.records(sandbox.data, "conversations"))
    # 31, 15.5, 7.75 days fail; 3.9, 7.75, 15.5 succeed, some at a time, and from then on 31 again.
    # With 3.9 days throughout, it would be more than 50 requests.
    assert len(sandbox.arrived) <= 25
    assert "cannot export more than" not in run.log


@pytest.mark.parametrize(("kind", "failures"), [("413", 10), ("504", 11), ("504", 13)])
def test_whatever_has_halved_a_window_a_429_is_retried(serve, run_tap, kind, failures):
    sandbox = serve(conversations=10, days=40, longest_export_days=1 / 24, too_long=kind)
    sandbox.behaviour.faults.extend([*[None] * failures, *[Refusal(429)] * 7])
    config = settings(sandbox, parallel_downloads=1)
    run = checks.succeeded(run_tap(config, catalog=catalog("conversations")))
    assert not sandbox.behaviour.faults
    checks.emitted_exactly(run, "conversations", expected.records(sandbox.data, "conversations"))


def test_down_to_an_hour_and_then_the_stream_fails(serve, run_tap):
    sandbox = serve(conversations=50, days=20, longest_export_days=0.01, too_long="413")
    run = run_tap(settings(sandbox), catalog=catalog("conversations", "tags"))
    line = checks.failed(run)
    assert "1 of 2 streams failed, the others were synced: " in line
    assert "413" in line
    assert run.records("conversations") == []
    assert run.records("tags")
    assert len(sandbox.arrived) == 10  # 20 days and its halves down to less than an hour


def test_an_hourly_window_is_not_halved(serve, run_tap):
    sandbox = serve(conversations=50, days=20, longest_export_days=0.01, too_long="413")
    now = sandbox.data.now()
    config = settings(sandbox, start_date=expected.iso(now - HOUR), end_date=expected.iso(now))
    run = run_tap(config, catalog=catalog("conversations"))
    assert run.status == 1
    assert len(sandbox.arrived) == 1

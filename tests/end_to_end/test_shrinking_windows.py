"""A window that Dixa cannot export at once is requested in parts."""

from __future__ import annotations

import resource
from collections import Counter
from functools import partial

import pytest

from tests import expected
from tests.conftest import DAY, HOUR, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.anonymized import redact
from tests.end_to_end.refreshed import LOG
from tests.faults import Refusal
from tests.faulty_sandbox import intervals

DAYS = 62
PARALLEL = 4
"""How many windows are requested at a time."""


def complete(run, sandbox):
    checks.succeeded(run)
    for stream in expected.STREAMS:
        checks.emitted_exactly(run, stream, expected.records(sandbox.data, stream))
        checks.bookmark_is_the_newest_emitted(run, stream)


def statuses(sandbox, stream):
    """Count the statuses of a stream's exports."""
    path = f"/v1/{stream.removesuffix('s')}_export"
    return Counter(status for asked, _, status in sandbox.answered if asked == path)


@pytest.mark.parametrize(("hours", "days"), [(1, 2), (25, DAYS), (168, DAYS)])
def test_however_short_the_longest_export_is_all_records_come_once(serve, run_tap, hours, days):
    sandbox = serve(conversations=100, days=days, longest_export_days=hours / 24, too_long="413")
    # So few files that each must be closed before the next ones.
    limit = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (24, 24))
    run = run_tap(settings(sandbox, parallel_downloads=PARALLEL), before=limit)
    complete(run, sandbox)
    span = max(days * DAY, sandbox.data.now() - sandbox.data.start)
    for stream in expected.STREAMS:
        answered = statuses(sandbox, stream)
        assert answered[200] <= 2 * -(-span // (hours * HOUR))
        assert answered[413] <= 10  # 31 days, and its halves down to half an hour
        assert run.log.count(f"{stream}: Dixa cannot export more than") == 1
    states = [state["value"]["bookmarks"] for state in run.of("STATE")]
    assert len({str(state) for state in states}) > 2  # each part is a place to resume from


def test_what_is_refused_as_too_much_is_halved_at_once(serve, run_tap):
    sandbox = serve(days=DAYS, longest_export_days=8, too_long="400")
    run = run_tap(settings(sandbox))
    complete(run, sandbox)
    for stream in expected.STREAMS:
        # 31 days and 15.5; from then on 7.75
        assert statuses(sandbox, stream) == {400: 2, 200: 9}
        assert run.log.count(f"{stream}: Dixa cannot export more than 186.0 hours at once") == 1
    assert "Set window_days to 7" in run.log


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "at_first"), [("504", 5), ("500", 5), ("cut", 5), ("hang", 3)])
def test_what_fails_for_its_length_is_halved_after_retries(serve, run_tap, kind, at_first):
    sandbox = serve(days=DAYS, longest_export_days=8, too_long=kind)
    run = run_tap(settings(sandbox, request_timeout_seconds=3, parallel_downloads=PARALLEL))
    complete(run, sandbox)
    for stream in expected.STREAMS:
        path = f"/v1/{stream.removesuffix('s')}_export"
        lengths = [
            end - start
            for asked, query, _ in sandbox.answered
            for start, end in intervals(query)
            if asked == path
        ]
        served = sum(length <= 8 * DAY + 2000 for length in lengths)
        # It may have been an outage: once a part has succeeded, longer ones are tried.
        assert at_first < len(lengths) - served <= at_first + 2 * PARALLEL
        assert served <= 2 * 2 * 4  # two windows of 31 days take four exports each


@pytest.mark.parametrize("stream", ["activity_logs", "analytics_records", "intelligence_records"])
@pytest.mark.parametrize(
    ("kind", "days"),
    [
        ("504", 9),  # each halving after a 504 is a wait
        *(pytest.param(kind, 2, marks=pytest.mark.slow) for kind in ("413", "cut", "hang")),
    ],
)
def test_windows_of_the_dixa_api_are_halved_too(account_of, stream, kind, days):
    account = account_of(
        stream, config={"request_timeout_seconds": 3}, conversations=100, days=16, too_long=kind
    )
    whole = checks.succeeded(account.sync())
    account.behaviour.longest_query_days = days
    records = checks.succeeded(account.sync(state={"bookmarks": {}})).records(stream)
    assert records
    ids = [sorted(r["id"] for r in rows) for rows in (records, whole.records(stream))]
    assert ids[0] == ids[1]
    kinds = len({record.get("recordId") for record in records})
    assert len(account.answered) <= 2 * 8 * kinds + 16


def test_the_search_for_redacted_messages_is_halved_too(account_of):
    account = account_of("messages", conversations=100, days=25, too_long="413")
    state = checks.succeeded(account.sync()).state
    redact(account.sandbox)
    account.wait()
    early = {"conversations": expected.iso(account.data.now() - 20 * DAY)}
    state["bookmarks"]["messages"]["refresh"] = early
    account.behaviour.longest_query_days = 2
    run = checks.succeeded(account.sync(state=state))
    account.messages_are_fresh()
    log = [status for path, _, status in account.answered if path == LOG]
    assert log.count(200) <= 2 * 10
    assert run.log.count("Dixa cannot export more than") == 1


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


@pytest.mark.parametrize(("kind", "failures"), [("413", 3), ("504", 5 + 1)])
def test_whatever_has_halved_a_window_a_429_is_retried(serve, run_tap, kind, failures):
    sandbox = serve(conversations=100, days=1, longest_export_days=1 / 24, too_long=kind)
    sandbox.behaviour.faults.extend([*[None] * failures, *[Refusal(429)] * 4])
    start, end = sandbox.data.now() - 8 * HOUR, sandbox.data.now()
    times = {"start_date": expected.iso(start), "end_date": expected.iso(end)}
    config = settings(sandbox, parallel_downloads=1, **times)
    run = checks.succeeded(run_tap(config, catalog=catalog("conversations")))
    assert not sandbox.behaviour.faults
    wanted = expected.records(sandbox.data, "conversations", start, end)
    checks.emitted_exactly(run, "conversations", wanted)


def test_down_to_an_hour_and_then_the_stream_fails(serve, run_tap):
    sandbox = serve(conversations=50, days=20, longest_export_days=0.01, too_long="413")
    run = run_tap(settings(sandbox), catalog=catalog("conversations", "tags"))
    line = checks.failed(run)
    assert "1 of 2 streams failed, the others were synced: " in line
    assert "413" in line
    assert run.records("conversations") == []
    assert run.records("tags")
    assert len(sandbox.arrived) == 10  # 20 days and its halves down to less than an hour

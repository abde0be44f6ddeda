"""A window that Dixa cannot export at once is requested in parts: `download/test_fetcher.py`."""

import resource
from collections import Counter
from functools import partial

import pytest

from tests import expected
from tests.conftest import DAY, EXPORTS, HOUR
from tests.end_to_end.anonymized import redact
from tests.end_to_end.everything import LOG
from tests.faults import Refusal
from tests.faulty_sandbox import intervals

DAYS = 62
PARALLEL = 4
"""How many windows are requested at a time."""


def exports_of(account, stream):
    """Give the length and the status of each of the last run's exports of a stream."""
    return [
        (end - start - 2000, status)
        for path, query, status in account.answered
        if path == f"/v1/{stream.removesuffix('s')}_export"
        for start, end in intervals(query)
    ]


@pytest.mark.parametrize(("hours", "days", "kind"), [(1, 1, 413), (192, DAYS, 400)])
def test_however_short_the_longest_export_is_all_records_come_once(account_of, hours, days, kind):
    account = account_of(*EXPORTS, days=days, longest_export_days=hours / 24, too_long=str(kind))
    # So few files that each must be closed before the next ones.
    limit = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (24, 24))
    run = account.synced(parallel_downloads=PARALLEL, before=limit)
    span = max(days * DAY, account.data.now() - account.data.start)
    for stream in EXPORTS:
        account.has_all(stream)
        answered = Counter(status for _, status in exports_of(account, stream))
        assert answered[200] <= 2 * -(-span // (hours * HOUR))
        assert 0 < answered[kind] <= 10  # 31 days, and its halves down to half an hour
        assert run.log.count(f"{stream}: Dixa cannot export more than") == 1
    assert ("Set window_days to 7" in run.log) == (hours == 192)
    states = [state["value"]["bookmarks"] for state in run.of("STATE")]
    assert len({str(state) for state in states}) > 2  # each part is a place to resume from


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "at_first"), [("504", 5), ("500", 5), ("cut", 5), ("hang", 3)])
def test_what_fails_for_its_length_is_halved_after_retries(account_of, kind, at_first):
    account = account_of(*EXPORTS, days=DAYS, longest_export_days=8, too_long=kind)
    account.synced(request_timeout_seconds=3, parallel_downloads=PARALLEL)
    for stream in EXPORTS:
        account.has_all(stream)
        lengths = [length for length, _ in exports_of(account, stream)]
        served = sum(length <= 8 * DAY for length in lengths)
        # It may have been an outage: once a part has succeeded, longer ones are tried.
        assert at_first < len(lengths) - served <= at_first + 2 * PARALLEL
        assert served <= 2 * 2 * 4  # two windows of 31 days take four exports each


@pytest.mark.parametrize("stream", ["activity_logs", "analytics_records", "intelligence_records"])
@pytest.mark.parametrize(
    ("kind", "days"),
    [
        ("413", 2),
        pytest.param("504", 9, marks=pytest.mark.slow),  # each halving after it is a wait
        *(pytest.param(kind, 2, marks=pytest.mark.slow) for kind in ("cut", "hang")),
    ],
)
def test_windows_of_the_dixa_api_are_halved_too(account_of, stream, kind, days):
    config = {"request_timeout_seconds": 3}
    account = account_of(stream, config=config, conversations=100, days=16, too_long=kind)
    whole = account.synced().records(stream)
    account.behaviour.longest_query_days = days
    records = account.synced(state={}).records(stream)
    assert sorted(r["id"] for r in records) == sorted(r["id"] for r in whole) != []
    kinds = len({record.get("recordId") for record in records})
    assert len(account.answered) <= 2 * 8 * kinds + 16


def test_the_search_for_redacted_messages_is_halved_too(account_of):
    account = account_of("messages", conversations=100, days=25, too_long="413")
    state = account.synced().state
    redact(account.sandbox)
    account.wait()
    early = {"conversations": expected.iso(account.data.now() - 20 * DAY)}
    state["bookmarks"]["messages"]["refresh"] = early
    account.behaviour.longest_query_days = 2
    run = account.synced(state=state)
    account.is_fresh()
    log = [status for path, _, status in account.answered if path == LOG]
    assert log.count(200) <= 2 * 10
    assert run.log.count("Dixa cannot export more than") == 1


@pytest.mark.parametrize(
    ("kind", "failures"), [("413", 2), pytest.param("504", 6, marks=pytest.mark.slow)]
)
def test_whatever_has_halved_a_window_a_429_is_retried(account_of, kind, failures):
    account = account_of("conversations", days=1, longest_export_days=1 / 24, too_long=kind)
    account.behaviour.faults.extend([*[None] * failures, *[Refusal(429)] * 4])
    account.synced(parallel_downloads=1)
    assert not account.behaviour.faults
    account.has_all("conversations")


def test_down_to_an_hour_and_then_the_stream_fails(account_of):
    streams = ("conversations", "tags")
    account = account_of(*streams, days=20, longest_export_days=0.01, too_long="413")
    line = account.failure()
    assert "1 of 2 streams failed, the others were synced: " in line
    assert "413" in line
    assert {message["stream"] for message in account.runs[-1].of("RECORD")} == {"tags"}
    assert len(account.sandbox.arrived) == 10  # 20 days and its halves down to less than an hour

"""Windows are downloaded in parallel: in order, within the rate limit, and no more than allowed."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from tap_dixa.rate_limit import LimitedSession
from tests import expected
from tests.conftest import catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import FEW_CONVERSATIONS
from tests.faults import Refusal

LATENCY = 0.5  # seconds that each export takes


@pytest.mark.parametrize("parallel", [1, 4])
def test_windows_are_requested_at_a_time_and_their_records_come_in_order(serve, run_tap, parallel):
    sandbox = serve(conversations=100, days=9, latency=LATENCY)
    config = settings(sandbox, window_days=2, parallel_downloads=parallel)
    run = checks.succeeded(run_tap(config, catalog=catalog("conversations")))
    checks.emitted_exactly(run, "conversations", expected.records(sandbox.data, "conversations"))
    checks.bookmark_is_the_newest_emitted(run, "conversations")
    # What arrives before the last one can have been responded to is under way beside it.
    overlap = [after - before < LATENCY for before, after in pairwise(sorted(sandbox.arrived))]
    assert any(overlap) == (parallel > 1)
    assert overlap[0] is False  # the first window tells whether the token may read the stream


def test_a_429_delays_every_request_of_the_session(serve):
    sandbox = serve(conversations=10, days=2)
    session = LimitedSession(1000, 1000)
    session.hold(0.5)
    session.hold(0.1)  # a shorter delay does not end the longer one
    started = time.monotonic()
    session.get(f"{sandbox.url}/v1/tags")
    assert time.monotonic() - started >= 0.5


def test_a_429_among_parallel_requests_costs_a_retry(serve, run_tap):
    sandbox = serve(conversations=100, days=30)
    refused = Refusal(429, headers={"Retry-After": "1"})
    sandbox.behaviour.faults.extend([None, refused, None, refused])
    run = run_tap(settings(sandbox, window_days=2), catalog=catalog("conversations"))
    checks.succeeded(run)
    checks.emitted_exactly(run, "conversations", expected.records(sandbox.data, "conversations"))
    assert run.log.count("Dixa responded with 429") == 2


def test_members_and_notes_are_requested_within_the_limit_and_come_in_order(serve, run_tap):
    sandbox = serve(conversations=60, days=6)
    streams = ("queue_members", "team_members", "conversation_notes")
    run = run_tap(settings(sandbox), catalog=catalog(*streams), state=FEW_CONVERSATIONS)
    checks.succeeded(run)
    assert {status for _, _, status in sandbox.answered} == {200}
    times = [record["conversationUpdatedAt"] for record in run.records("conversation_notes")]
    assert times == sorted(times)
    assert len(times) > 1

"""What goes wrong on the way, made by the sandbox, and survived; or given up in good order."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from functools import partial

import pytest

from tap_dixa.retry import ATTEMPTS_BEFORE_LESS, MAX_ATTEMPTS, TIMEOUTS_BEFORE_LESS
from tests import expected
from tests.conftest import catalog, settings
from tests.end_to_end import checks
from tests.faults import Away, BrokenResponse, Refusal

HTML = {"Content-Type": "text/html"}
EARLY = "the response is incomplete or damaged"
NO_EXPORT = "the response is not a JSON array: it is "
BROKE = "the connection broke in the middle of the response"
CLOSED = "no connection: "
LATE = "no response within request_timeout_seconds"
SURVIVED = "faults injected and survived"
LASTED = "lasting faults that ended in one line, state intact"
PASSING = {
    "429": (Refusal(429, body='{"message": "API limit"}'), "Dixa responded with 429"),
    "408": (Refusal(408), "Dixa responded with 408"),
    **{
        f"{status} {kind}": (Refusal(status, headers, body), f"Dixa responded with {status}")
        for status in (500, 502, 503)
        for kind, headers, body in (
            ("JSON", {}, '{"message": "Internal error"}'),
            ("HTML", HTML, "<h1>Oops</h1>"),
            ("empty", {}, ""),
        )
    },
    "504": (Refusal(504), "Dixa responded with 504"),
    "520": (Refusal(520), "Dixa responded with 520"),
    "refused for a while": (Away(0.2), CLOSED),
    "an object": (Refusal(200, body='{"message": "try again"}'), NO_EXPORT),
    "HTML with 200": (Refusal(200, HTML, "<html>We will be back soon</html>"), NO_EXPORT),
    "an empty body": (Refusal(200), EARLY),
    "null": (Refusal(200, body="null"), NO_EXPORT),
    "NaN": (Refusal(200, body='[{"id": 1, "updated_at": 1, "created_at": 1, "x": NaN}]'), EARLY),
    "a bare control character": (Refusal(200, body='[{"id": 1, "text": "\1"}]'), EARLY),
    "reset before the head": (BrokenResponse("reset", head=False), CLOSED),
    "hangup before the head": (BrokenResponse("hangup", head=False), CLOSED),
    "reset before the body": (BrokenResponse("reset"), BROKE),
    "reset in the body": (BrokenResponse("reset", 5000), BROKE),
    "shorter than declared": (BrokenResponse("hangup", 5000, "length"), BROKE),
    "reset before the declared end": (BrokenResponse("reset", 5000, "length"), BROKE),
    "short, no length declared": (BrokenResponse("hangup", 5000, "none"), EARLY),
    "one byte short, no length declared": (BrokenResponse("hangup", -1, "none"), EARLY),
    "the last chunk missing": (BrokenResponse("hangup", 5000), BROKE),
    "nothing but the last chunk missing": (BrokenResponse("hangup", 1 << 40), BROKE),
    "gzip cut by a hangup": (BrokenResponse("hangup", 3000, packed=True), BROKE),
    "gzip cut by a clean end": (BrokenResponse("stop", 3000, packed=True), EARLY),
    "gzip cut, no length declared": (BrokenResponse("hangup", 3000, "none", packed=True), EARLY),
    "half an array, chunked": (BrokenResponse("stop", 5000), EARLY),
    "half an array, declared": (BrokenResponse("stop", 5000, "length"), EARLY),
    "stalls before the head": (BrokenResponse("stall", head=False), LATE),
    "stalls before the body": (BrokenResponse("stall"), LATE),
    "stalls in the body": (BrokenResponse("stall", 5000), LATE),
}


def happened(plan, sandbox):
    """Count the faults of a plan that the tap has met."""
    left = list(sandbox.behaviour.faults)
    return sum(step is not None for step in plan[: len(plan) - len(left)])


def waits(run, stream=r"\w+"):
    """Give what was said to have failed, and how long the tap set itself to wait, in seconds."""
    found = re.findall(
        rf"WARNING .*\.{stream} .*? to \S+: (.+); retrying in (\d+) s, attempt \d+", run.log
    )
    return [(said, int(seconds)) for said, seconds in found]


@pytest.mark.parametrize(
    ("first", "second"),
    list(zip(*[iter(PASSING)] * 2, strict=True)),
    ids=lambda name: name,
)
def test_what_passes_is_retried_and_nothing_is_lost_or_repeated(
    serve, run_tap, first, second, evidence
):
    sandbox = serve(days=70)
    faults = dict(zip(expected.STREAMS, (PASSING[first], PASSING[second]), strict=True))
    # The second request of each stream's three: the first window is already being emitted.
    plan = [step for fault, _ in faults.values() for step in (None, fault, None, None)]
    sandbox.behaviour.faults.extend(plan)
    stalls = any(said == LATE for _, said in faults.values())
    run = run_tap(settings(sandbox, request_timeout_seconds=3 if stalls else 300))
    checks.succeeded(run)
    for stream, (fault, said) in faults.items():
        checks.emitted_exactly(run, stream, expected.records(sandbox.data, stream))
        found = [text for text, _ in waits(run, stream)]
        # Where little patience is needed, a busy machine may use it up once more.
        retried = [text for text in found if said in text or not (stalls and LATE in text)]
        assert all(said in text for text in retried)
        assert len(retried) == 1 or (retried and (stalls or isinstance(fault, Away)))
    evidence(SURVIVED, happened(plan, sandbox))


@pytest.mark.parametrize("asked", ["nothing", "seconds", "a date"])
def test_the_wait_that_is_logged_is_kept(serve, run_tap, asked, evidence):
    sandbox = serve()
    begun, now = time.monotonic(), time.time()
    value = {"seconds": "2", "a date": formatdate(now + 4, usegmt=True)}.get(asked)
    plan = [Refusal(503, {} if value is None else {"Retry-After": value})]
    sandbox.behaviour.faults.extend(plan)
    run = run_tap(settings(sandbox), program=["-m", "tap_dixa"])
    checks.succeeded(run)
    for stream in expected.STREAMS:
        checks.emitted_exactly(run, stream, expected.records(sandbox.data, stream))
    first, second, *_ = sandbox.arrived
    ((_, seconds),) = waits(run)
    if asked == "a date":
        assert 1 <= seconds <= 5
        assert second - begun >= int(now + 4) - now
    else:
        assert seconds == (1 if asked == "nothing" else 2)
        assert second - first >= seconds
    evidence(SURVIVED, happened(plan, sandbox))


@pytest.mark.slow
def test_one_fault_after_the_other(serve, run_tap, evidence):
    sandbox = serve(days=100)
    plan = [
        Refusal(503), BrokenResponse("reset", 3000), None, BrokenResponse("hangup", 9000, "none"),
        None, Refusal(429), None, None, BrokenResponse("stop", 700, packed=True),
        BrokenResponse("stall", 100), None, Refusal(200, body="[{"),
    ]  # fmt: skip
    sandbox.behaviour.faults.extend(plan)
    run = run_tap(settings(sandbox, request_timeout_seconds=3))
    checks.succeeded(run)
    assert not sandbox.behaviour.faults
    for stream in expected.STREAMS:
        checks.emitted_exactly(run, stream, expected.records(sandbox.data, stream))
    evidence(SURVIVED, happened(plan, sandbox))


@pytest.mark.slow
def test_an_exceeded_rate_limit_is_retried(serve, run_tap):
    sandbox = serve(days=100, requests_per_minute=6)
    # A process of its own: in a fork, waits are a hundredth of what they are, and the limit is not.
    run = run_tap(settings(sandbox, requests_per_minute=100), program=["-m", "tap_dixa"])
    checks.succeeded(run)
    assert 429 in {status for _, _, status in sandbox.answered}
    for stream in expected.STREAMS:
        checks.emitted_exactly(run, stream, expected.records(sandbox.data, stream))


TIMEOUT = "within request_timeout_seconds"
LASTING = {
    "503": Refusal(503, body="<h1>down</h1>"),
    "no connection": Away(400),
    "not a JSON array": Refusal(200, HTML, "<html>We moved</html>"),
    "damaged": Refusal(200, body='[{"id": NaN}]'),
    "connection broke": BrokenResponse("reset"),
    "incomplete": BrokenResponse("hangup", -1, "none"),
    TIMEOUT: BrokenResponse("stall"),
}
# What less may resolve is requested in halves of 31 days, down to less than an hour.
HALVINGS = 10
ATTEMPTS = dict.fromkeys(
    ("503", "damaged", "connection broke", "incomplete"), ATTEMPTS_BEFORE_LESS + HALVINGS
) | {TIMEOUT: TIMEOUTS_BEFORE_LESS + HALVINGS, "not a JSON array": 8}
# Its first attempt meets a reset, which less may resolve: it is counted apart.
ATTEMPTS["no connection"] = 1 + MAX_ATTEMPTS


def outlasted(serve, run_tap, cause):
    """Let a fault last longer than the tap has patience; check how that run ends."""
    sandbox = serve(days=70)
    attempts = ATTEMPTS[cause]
    sandbox.behaviour.faults.extend([None, *[LASTING[cause]] * attempts])
    config = settings(
        sandbox,
        parallel_downloads=1,  # or the window after it gets some of the faults
        request_timeout_seconds=3 if cause == TIMEOUT else 300,
    )
    run = run_tap(config, catalog=catalog("conversations"))
    assert run.status == 1, cause
    (line,) = run.errors
    _, asked, _ = sandbox.answered[1]
    start = int(asked["updated_after"]) + 1000
    assert f"conversations: {expected.iso(start)} to " in line
    assert cause in line
    assert "Traceback" not in run.log
    waited = [seconds for _, seconds in waits(run)]
    assert waited[:3] == [1, 2, 4]
    assert len(waited) == attempts - 1
    assert sum(waited) < (140 if attempts == MAX_ATTEMPTS else 540)
    emitted = run.records("conversations")
    assert run.bookmark("conversations") == emitted[-1]["updated_at"]
    return sandbox, run


def test_an_outage_ends_the_run_with_one_line_and_the_next_run_goes_on(serve, run_tap, evidence):
    sandbox, run = outlasted(serve, run_tap, "503")
    resumed = run_tap(settings(sandbox), state=run.state, catalog=catalog("conversations"))
    checks.succeeded(resumed)
    emitted = [*run.records("conversations"), *resumed.records("conversations")]
    arrived = {record["id"]: record for record in emitted}
    assert arrived == expected.records(sandbox.data, "conversations")
    evidence(LASTED)


@pytest.mark.slow
def test_what_lasts_ends_the_run_in_bounded_time_with_one_line(serve, run_tap, evidence):
    with ThreadPoolExecutor(len(LASTING)) as pool:
        ended = list(pool.map(partial(outlasted, serve, run_tap), LASTING))
    evidence(LASTED, len(ended))

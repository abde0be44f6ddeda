"""What goes wrong on the way, made by the sandbox, and survived; or given up in good order."""

from __future__ import annotations

import re
import time
from email.utils import formatdate

import pytest

from tap_dixa.http.failures import ATTEMPTS_BEFORE_LESS, MAX_ATTEMPTS, TIMEOUTS_BEFORE_LESS
from tests import expected
from tests.conftest import EXPORTS, settings
from tests.end_to_end import checks
from tests.end_to_end.loaded import all_exported
from tests.faults import Away, BrokenResponse, Refusal

HTML = {"Content-Type": "text/html"}
EARLY = "the response is incomplete or damaged"
NO_EXPORT = "the response is not a JSON array: it is "
BROKE = "the connection broke in the middle of the response"
CLOSED = "no connection: "
LATE = "no response within request_timeout_seconds"
SURVIVED = "faults injected and survived"
PASSING = {
    "429": (Refusal(429, body='{"message": "API limit"}'), "Dixa responded with 429"),
    "408": (Refusal(408), "Dixa responded with 408"),
    "500 JSON": (Refusal(500, {}, '{"message": "Internal error"}'), "Dixa responded with 500"),
    "502 HTML": (Refusal(502, HTML, "<h1>Oops</h1>"), "Dixa responded with 502"),
    "503 empty": (Refusal(503), "Dixa responded with 503"),
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
    "gzip cut by a reset": (BrokenResponse("reset", 3000, packed=True), BROKE),
    "gzip cut by a hangup": (BrokenResponse("hangup", 3000, packed=True), BROKE),
    "gzip cut by a clean end": (BrokenResponse("stop", 3000, packed=True), EARLY),
    "gzip cut, no length declared": (BrokenResponse("hangup", 3000, "none", packed=True), EARLY),
    "half an array, chunked": (BrokenResponse("stop", 5000), EARLY),
    "half an array, declared": (BrokenResponse("stop", 5000, "length"), EARLY),
    "stalls before the head": (BrokenResponse("stall", head=False), LATE),
    "stalls in the body": (BrokenResponse("stall", 5000), LATE),
}


def waits(run, stream=r"\w+"):
    """Give what was said to have failed, and how long the tap set itself to wait, in seconds."""
    found = re.findall(
        rf"WARNING .*\.{stream} .*? to \S+: (.+); retrying in (\d+) s, attempt \d+", run.log
    )
    return [(said, int(seconds)) for said, seconds in found]


@pytest.mark.parametrize("names", list(zip(*[iter(PASSING)] * 4, strict=True)), ids=", ".join)
def test_what_passes_is_retried_and_nothing_is_lost_or_repeated(serve, run_tap, names, evidence):
    sandbox = serve(days=70)
    four = [PASSING[name] for name in names]
    faults = dict(zip(expected.STREAMS, (four[:2], four[2:]), strict=True))
    for two in faults.values():
        # The second and the third request of a stream: the first window is already being emitted.
        sandbox.behaviour.faults.extend([None, *(fault for fault, _ in two), None, None])
    stalls = any(said == LATE for _, said in four)
    away = any(isinstance(fault, Away) for fault, _ in four)
    config = settings(
        sandbox,
        request_timeout_seconds=3 if stalls else 300,
        parallel_downloads=1 if away else 2,  # or who connects while nobody listens waits forever
    )
    run = run_tap(config)
    all_exported(checks.succeeded(run), sandbox.data)
    for stream, two in faults.items():
        found = [text for text, _ in waits(run, stream)]
        meant = [said for _, said in two]
        assert all(any(said in text for text in found) for said in meant)
        # Where little patience is needed, a busy machine may use it up once more.
        possible = [*meant, LATE] if stalls else meant
        assert all(any(said in text for said in possible) for text in found)
        assert len(found) == 2 or stalls or away
    assert not any(sandbox.behaviour.faults)
    evidence(SURVIVED, len(names))


def test_the_wait_that_is_logged_is_kept(serve, run_tap, evidence):
    sandbox = serve()
    begun, now = time.monotonic(), time.time()
    date = {"Retry-After": formatdate(now + 3, usegmt=True)}
    refusals = [Refusal(503, date), Refusal(503), Refusal(503, {"Retry-After": "2"})]
    for refusal in refusals:
        sandbox.behaviour.faults.extend([refusal, None])
    run = run_tap(settings(sandbox, parallel_downloads=1), program=["-m", "tap_dixa"])
    all_exported(checks.succeeded(run), sandbox.data)
    (_, until_date), (_, unasked), (_, asked) = waits(run)
    assert 1 <= until_date <= 4
    assert (unasked, asked) == (1, 2)
    _, after_date, refused, after_unasked, refused_again, after_asked, *_ = sandbox.arrived
    assert after_date - begun >= int(now + 3) - now
    assert after_unasked - refused >= 1
    assert after_asked - refused_again >= 2
    evidence(SURVIVED, len(refusals))


@pytest.mark.slow
def test_one_fault_after_the_other(account_of, evidence):
    account = account_of(*EXPORTS, config={"request_timeout_seconds": 3}, days=100)
    plan = [
        Refusal(503), BrokenResponse("reset", 3000), None, BrokenResponse("hangup", 9000, "none"),
        None, Refusal(429), None, None, BrokenResponse("stop", 700, packed=True),
        BrokenResponse("stall", 100), None, Refusal(200, body="[{"),
    ]  # fmt: skip
    account.behaviour.faults.extend(plan)
    all_exported(checks.succeeded(account.sync()), account.data)
    assert not account.behaviour.faults
    evidence(SURVIVED, sum(step is not None for step in plan))


@pytest.mark.slow
def test_an_exceeded_rate_limit_is_retried(serve, run_tap):
    sandbox = serve(days=100, requests_per_minute=6)
    # A process of its own: in a fork, waits are a hundredth of what they are, and the limit is not.
    run = run_tap(settings(sandbox, requests_per_minute=100), program=["-m", "tap_dixa"])
    all_exported(checks.succeeded(run), sandbox.data)
    assert 429 in {status for _, _, status in sandbox.answered}


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


@pytest.mark.parametrize(
    "cause",
    ["not a JSON array"]
    + [pytest.param(one, marks=pytest.mark.slow) for one in LASTING if one != "not a JSON array"],
)
def test_what_lasts_ends_the_run_with_one_line_and_the_next_run_goes_on(
    account_of, cause, evidence
):
    config = {
        "parallel_downloads": 1,  # or the window after it gets some of the faults
        "request_timeout_seconds": 3 if cause == TIMEOUT else 300,
    }
    account, attempts = account_of("conversations", config=config, days=70), ATTEMPTS[cause]
    account.behaviour.faults.extend([None, *[LASTING[cause]] * attempts])
    run = account.sync()
    line = checks.failed(run)
    _, asked, _ = account.answered[1]
    start = int(asked["updated_after"]) + 1000
    assert f"conversations: {expected.iso(start)} to " in line
    assert cause in line
    waited = [seconds for _, seconds in waits(run)]
    assert waited[:3] == [1, 2, 4]
    assert len(waited) == attempts - 1
    assert sum(waited) < (140 if attempts == MAX_ATTEMPTS else 540)
    checks.bookmark_is_the_newest_emitted(run, "conversations")
    well = account_of("conversations", days=70)  # it has the same data
    resumed = checks.succeeded(well.sync(state=run.state))
    known = expected.records(well.data, "conversations")
    checks.loaded_exactly("conversations", known, run, resumed)
    assert len(resumed.records("conversations")) < len(known)
    evidence("lasting faults that ended in one line, state intact")

"""What goes wrong on the way, made by the sandbox, and survived; or given up in good order."""

import re
import time
from email.utils import formatdate

import pytest

from tap_dixa.http.retries import ATTEMPTS_BEFORE_LESS, MAX_ATTEMPTS, TIMEOUTS_BEFORE_LESS
from tests import expected
from tests.conftest import EXPORTS
from tests.end_to_end import checks
from tests.end_to_end.loaded import all_exported
from tests.faults import Away, BrokenResponse, Refusal

HTML = {"Content-Type": "text/html"}
EARLY = "the response is incomplete or damaged"
NO_EXPORT = "the response is not a JSON array: it is "
BROKE = "the connection broke in the middle of the response"
CLOSED = "no connection: "
LATE = "no response within request_timeout_seconds"
PASSING = {
    "429": (Refusal(429, body='{"message": "API limit"}'), "Dixa responded with 429"),
    "408": (Refusal(408), "Dixa responded with 408"),
    "500 JSON": (Refusal(500, {}, '{"message": "Internal error"}'), "Dixa responded with 500"),
    "502 HTML": (Refusal(502, HTML, "<h1>Oops</h1>"), "Dixa responded with 502"),
    "503 empty": (Refusal(503), "Dixa responded with 503"),
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
    "stalls in the body": (BrokenResponse("stall", 5000), LATE),
}


def waits(run, stream=r"\w+"):
    """Give what was said to have failed, and how long the tap set itself to wait, in seconds."""
    found = re.findall(
        rf"\.{stream} .*? to \S+: (.+); .*?(?:retrying in|waiting) (\d+) s, attempt \d+", run.log
    )
    return [(said, int(seconds)) for said, seconds in found]


@pytest.mark.parametrize("names", list(zip(*[iter(PASSING)] * 4, strict=True)), ids=", ".join)
def test_what_passes_is_retried_and_nothing_is_lost_or_repeated(account_of, names):
    account, four = account_of(*EXPORTS, days=70), [PASSING[name] for name in names]
    faults = dict(zip(EXPORTS, (four[:2], four[2:]), strict=True))
    for two in faults.values():
        # The second and the third request of a stream: the first window is already being emitted.
        account.behaviour.faults.extend([None, *(fault for fault, _ in two), None, None])
    stalls = any(said == LATE for _, said in four)
    away = any(isinstance(fault, Away) for fault, _ in four)
    run = account.sync(
        request_timeout_seconds=3 if stalls else 300,
        parallel_downloads=1 if away else 2,  # or who connects while nobody listens waits forever
    )
    all_exported(checks.succeeded(run), account.data)
    for stream, two in faults.items():
        found = [text for text, _ in waits(run, stream)]
        meant = [said for _, said in two]
        assert all(any(said in text for text in found) for said in meant)
        # Where little patience is needed, a busy machine may use it up once more.
        possible = [*meant, LATE] if stalls else meant
        assert all(any(said in text for said in possible) for text in found)
        assert len(found) == 2 or stalls or away
    assert not any(account.behaviour.faults)


def test_the_wait_that_is_logged_is_kept(account_of):
    begun, now = time.monotonic(), time.time()
    date = {"Retry-After": formatdate(now + 3, usegmt=True)}
    refusals = [Refusal(503, date), None, Refusal(503), None, Refusal(503, {"Retry-After": "2"})]
    account = account_of(*EXPORTS, faults=refusals)
    run = account.sync(parallel_downloads=1, program=["-m", "tap_dixa"])
    all_exported(checks.succeeded(run), account.data)
    (_, until_date), (_, unasked), (_, asked) = waits(run)
    assert 1 <= until_date <= 4
    assert (unasked, asked) == (1, 2)
    _, after_date, refused, after_unasked, refused_again, after_asked, *_ = account.sandbox.arrived
    assert after_date - begun >= int(now + 3) - now
    assert after_unasked - refused >= 1
    assert after_asked - refused_again >= 2


def test_a_429_is_one_line_and_no_warning(account_of):
    refused = Refusal(429, {"Retry-After": "60"})
    account = account_of("conversations", days=20, faults=[None, refused])
    run = account.synced(window_days=3)
    account.has_all("conversations")
    (line,) = (line for line in run.log.splitlines() if "429" in line)
    assert "| INFO " in line
    assert "the token's limit is used up, by another run perhaps: waiting 60 s, attempt 2" in line


@pytest.mark.slow
def test_the_wait_that_is_logged_has_that_for_the_limit_in_it(account_of):
    account = account_of("conversations", days=20, faults=[None, Refusal(429)])
    config = {"window_days": 9, "parallel_downloads": 1, "requests_per_minute": 2}
    run = account.synced(**config, program=["-m", "tap_dixa"])
    ((_, seconds),) = waits(run)
    _, refused, again = account.sandbox.arrived[:3]
    assert 50 <= seconds <= 61
    assert seconds - 1 <= again - refused <= seconds + 5


@pytest.mark.slow
def test_an_exceeded_rate_limit_is_retried(account_of):
    account = account_of(*EXPORTS, days=100, requests_per_minute=6)
    # A process of its own: in a fork, waits are a hundredth of what they are, and the limit is not.
    run = account.sync(requests_per_minute=100, program=["-m", "tap_dixa"])
    all_exported(checks.succeeded(run), account.data)
    assert 429 in {status for _, _, status in account.answered}


# What less may resolve is requested in halves of 31 days, down to less than an hour.
HALVINGS = 10
IN_HALVES = ATTEMPTS_BEFORE_LESS + HALVINGS
TIMEOUT = "within request_timeout_seconds"
LASTING = {  # what is said of it, and how many attempts there are
    "503": (Refusal(503, body="<h1>down</h1>"), IN_HALVES),
    # Its first attempt meets a reset, which less may resolve: it is counted apart.
    "no connection": (Away(400), 1 + MAX_ATTEMPTS),
    "not a JSON array": (Refusal(200, HTML, "<html>We moved</html>"), MAX_ATTEMPTS),
    "damaged": (Refusal(200, body='[{"id": NaN}]'), IN_HALVES),
    "connection broke": (BrokenResponse("reset"), IN_HALVES),
    "incomplete": (BrokenResponse("hangup", -1, "none"), IN_HALVES),
    TIMEOUT: (BrokenResponse("stall"), TIMEOUTS_BEFORE_LESS + HALVINGS),
}


@pytest.mark.parametrize(
    "cause",
    [
        pytest.param(cause, marks=() if cause == "not a JSON array" else pytest.mark.slow)
        for cause in LASTING
    ],
)
def test_what_lasts_ends_the_run_with_one_line_and_the_next_run_goes_on(account_of, cause):
    fault, attempts = LASTING[cause]
    config = {
        "parallel_downloads": 1,  # or the window after it gets some of the faults
        "request_timeout_seconds": 3 if cause == TIMEOUT else 300,
    }
    faults = [None, *[fault] * attempts]
    account = account_of("conversations", config=config, days=70, faults=faults)
    run = account.sync()
    line = checks.failed(run)
    start = int(account.answered[1][1]["updated_after"]) + 1000
    assert f"conversations: {expected.iso(start)} to " in line
    assert cause in line
    waited = [seconds for _, seconds in waits(run)]
    assert waited[:3] == [1, 2, 4]
    assert len(waited) == attempts - 1
    # Each is up to a tenth longer. They outlast a limit per minute.
    assert 123 <= sum(waited) < (140 if attempts == MAX_ATTEMPTS else 540)
    checks.bookmark_is_the_newest_emitted(run, "conversations")
    well = account_of("conversations", days=70)  # it has the same data
    resumed = checks.succeeded(well.sync(state=run.state))
    known = expected.records(well.data, "conversations")
    checks.loaded_exactly("conversations", known, run, resumed)
    assert len(resumed.records("conversations")) < len(known)

from __future__ import annotations

import time
from email.utils import formatdate
from itertools import pairwise

import pytest
import requests
from singer_sdk.exceptions import RetriableAPIError

from tap_dixa.http.retries import (
    LONGEST_WAIT,
    MAX_ATTEMPTS,
    may_succeed,
    retry_after,
    seconds_before_retry,
)


def refusal(retry: str | None) -> RetriableAPIError:
    response = requests.Response()
    response.status_code = 429
    if retry is not None:
        response.headers["Retry-After"] = retry
    return RetriableAPIError("429", response)


def all_waits(error: Exception) -> list[float]:
    return [seconds_before_retry(attempts, error) for attempts in range(1, MAX_ATTEMPTS)]


@pytest.mark.parametrize("error", [refusal(None), requests.ConnectionError("reset")])
def test_waits_grow_and_outlast_a_limit_per_minute(error):
    seconds = all_waits(error)
    assert all(later > earlier for earlier, later in pairwise(seconds[:7]))
    assert 123 <= sum(seconds) <= 1.1 * 123


def test_a_server_that_asks_for_longer_gets_it():
    assert all(seconds >= 40 for seconds in all_waits(refusal("40")))


def test_a_server_that_asks_for_less_does_not_stop_the_growth():
    assert all_waits(refusal("1"))[-1] >= 60


SOON = formatdate(time.time() + 800, usegmt=True)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("99999999", LONGEST_WAIT, LONGEST_WAIT),
        (SOON, 1, 800),
        (SOON.replace("GMT", "-0000"), 1, 800),
        (formatdate(0, usegmt=True), 0, 0),
        *((odd, 0, 0) for odd in ("soon", "-5", "", None, "²", "Wed, 01 Jan 0000")),
        ("01 Jan 2026 00:00 +" + "9" * 20, 0, LONGEST_WAIT),
        ("9" * 10_000, 0, LONGEST_WAIT),
        ("1e999", 0, LONGEST_WAIT),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(value, low, high):
    assert low <= retry_after(refusal(value).response) <= high


def test_a_certificate_that_is_not_trusted_stays_untrusted():
    untrusted = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"
    assert not may_succeed(requests.exceptions.SSLError(untrusted))
    assert may_succeed(requests.exceptions.SSLError("EOF occurred in violation of protocol"))
    assert may_succeed(requests.ConnectionError("refused"))

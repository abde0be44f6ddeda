import time
from email.utils import formatdate

import pytest
import requests
from singer_sdk.exceptions import RetriableAPIError

from tap_dixa.http.retries import (
    LONGEST_WAIT,
    may_succeed,
    retry_after,
    seconds_before_retry,
)


def refusal(retry):
    response = requests.Response()
    response.status_code = 429
    if retry is not None:
        response.headers["Retry-After"] = retry
    return RetriableAPIError("429", response)


def test_a_server_that_asks_for_less_does_not_stop_the_growth():
    assert seconds_before_retry(7, refusal("1")) >= 60


SOON = formatdate(time.time() + 800, usegmt=True)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("99999999", LONGEST_WAIT, LONGEST_WAIT),
        # With ids, as two workers do not collect it in the same second.
        pytest.param(SOON, 1, 800, id="soon"),
        pytest.param(SOON.replace("GMT", "-0000"), 1, 800, id="soon, without a zone"),
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

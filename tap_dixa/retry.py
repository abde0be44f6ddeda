"""Which failed requests are retried, how long to wait before, and how to describe a failure."""

from __future__ import annotations

import random
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from itertools import chain, repeat
from typing import TYPE_CHECKING

import requests
from singer_sdk.exceptions import RetriableAPIError

if TYPE_CHECKING:
    from collections.abc import Generator

RETRIABLE = (RetriableAPIError, requests.RequestException, ConnectionError)
"""Exceptions after which a retry may succeed: see `may_succeed`."""

MAX_ATTEMPTS = 8
"""Between eight attempts lie 1, 2, 4, 8, 16, 32 and 60 s: two minutes in all, twice what a limit
per minute needs to clear."""

LONGEST_WAIT = 900.0
"""The longest Retry-After that is honoured, in seconds."""

_WRONG_SETTINGS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidHeader,
)
"""What only another setting can resolve: an address, or that of a proxy."""


def may_succeed(error: Exception) -> bool:
    """Whether a failed request may succeed when it is retried unchanged."""
    return not (
        isinstance(error, _WRONG_SETTINGS)
        or (
            isinstance(error, requests.exceptions.SSLError)
            and "CERTIFICATE_VERIFY_FAILED" in str(error)
        )
    )


def waits() -> Generator[float, Exception, None]:
    """Yield how long to wait before each retry, in seconds: exponential backoff with jitter.

    Made for ``backoff``, which sends in the exception that ended the last attempt. A Retry-After
    header is honoured; the jitter keeps parallel runs apart.
    """
    error = yield 0.0
    for seconds in chain((1, 2, 4, 8, 16, 32), repeat(60)):
        requested = retry_after(getattr(error, "response", None))
        error = yield max(seconds, requested) * random.uniform(1, 1.1)  # noqa: S311 (not a secret)


def retry_after(response: requests.Response | None) -> float:
    """Read the Retry-After header.

    Args:
        response: The response to the failed request, if there was one.

    Returns:
        Seconds, at most `LONGEST_WAIT`; 0 without a usable header.
    """
    value = response.headers.get("Retry-After", "") if response is not None else ""
    try:
        seconds = (
            float(value)
            if value.strip().isdecimal()
            else parsedate_to_datetime(value).replace(tzinfo=UTC).timestamp() - time.time()
        )
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), LONGEST_WAIT)


def describe(error: BaseException) -> str:
    """Describe in a few words why a request failed."""
    if isinstance(error, requests.exceptions.Timeout) or "timed out" in str(error):
        return "no response within request_timeout_seconds"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke in the middle of the response"
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return "the response could not be decompressed"
    if isinstance(error, RetriableAPIError):
        return str(error)
    return f"no connection: {_innermost(error)}"


def _innermost(error: BaseException) -> str:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return str(error)

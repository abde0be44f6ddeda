"""When to ask again, how long to wait before, and how to say what went wrong."""

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

RETRIED = (RetriableAPIError, requests.RequestException, ConnectionError)
"""What another try may mend: see `may_pass`."""

MAX_TRIES = 8
"""Waits of 1, 2, 4, 8, 16, 32 and 60 s lie between eight tries: two minutes in all, twice what
a limit per minute needs to clear."""

LONGEST_WAIT = 900.0
"""The most that a Retry-After is obeyed, in seconds."""


_SETTINGS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidHeader,
)
"""What only another setting can mend: an address, or that of a proxy."""


def may_pass(error: Exception) -> bool:
    """Whether a failed request may succeed when it is repeated unchanged."""
    return not (
        isinstance(error, _SETTINGS)
        or (
            isinstance(error, requests.exceptions.SSLError)
            and "CERTIFICATE_VERIFY_FAILED" in str(error)
        )
    )


def waits() -> Generator[float, Exception, None]:
    """Yield how long to wait before each new try, in seconds.

    Made for ``backoff``, which sends in the exception that ended the last try. What Dixa asks
    for with Retry-After is honoured, and a little randomness keeps parallel runs apart.
    """
    error = yield 0.0
    for seconds in chain((1, 2, 4, 8, 16, 32), repeat(60)):
        asked = retry_after(getattr(error, "response", None))
        error = yield max(seconds, asked) * random.uniform(1, 1.1)  # noqa: S311 (not a secret)


def retry_after(response: requests.Response | None) -> float:
    """Read how long the server asks to wait.

    Args:
        response: The refused request's answer, if there was one.

    Returns:
        Seconds, at most `LONGEST_WAIT`; 0 if nothing readable is asked for.
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
    """Say in a few words why a request failed."""
    if isinstance(error, requests.exceptions.Timeout) or "timed out" in str(error):
        return "no answer in time (request_timeout_seconds)"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke in the middle of the answer"
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return "the answer could not be decompressed"
    if isinstance(error, RetriableAPIError):
        return str(error)
    return f"no connection: {_innermost(error)}"


def _innermost(error: BaseException) -> str:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return str(error)

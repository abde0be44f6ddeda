"""Which failed requests are retried, and after how long."""

from __future__ import annotations

import errno
import random
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING

import requests
from singer_sdk.exceptions import RetriableAPIError
from urllib3.exceptions import InvalidHeader

from tap_dixa.errors import IncompleteResponseError, TooMuchError

if TYPE_CHECKING:
    from collections.abc import Iterator

RETRIABLE = (RetriableAPIError, requests.RequestException, ConnectionError)
"""Exceptions after which a retry may succeed: see `may_succeed`."""

FAILURES = (*RETRIABLE, TooMuchError)
"""Exceptions after which the same request, or one for less, may succeed."""

MAX_ATTEMPTS = 8
"""Between eight attempts lie 1, 2, 4, 8, 16, 32 and 60 s: two minutes in all, twice what a limit
per minute needs to clear."""

ATTEMPTS_UNAVAILABLE = 3
"""So many attempts while another request to the same API has been given up and none succeeded."""

ATTEMPTS_BEFORE_LESS = 4
"""So many attempts in a row before less is requested, if that may succeed."""

TIMEOUTS_BEFORE_LESS = 2
"""The same for timeouts, each of which has cost `request_timeout_seconds`."""

LONGEST_WAIT = 900.0
"""The longest Retry-After that is honoured, in seconds."""

LONGEST_BACKOFF = 60
"""The longest wait without a Retry-After, in seconds."""

LONGEST_BACKOFF_UNAVAILABLE = 4
"""The same while the API is unavailable: see `ATTEMPTS_UNAVAILABLE`."""

TOO_MANY_FILES = "Raise the limit of open files (ulimit -n), or use a smaller parallel_downloads"
"""What to do if the operating system opens no more files and connections."""

_WRONG_SETTINGS = (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)
"""What only another setting can resolve: an address, or that of a proxy."""

_NOT_HTTP = (HTTPException, InvalidHeader)
"""Errors that quote what was sent in place of HTTP."""


def may_succeed(error: Exception) -> bool:
    """Whether a failed request may succeed when it is retried unchanged."""
    return not (
        isinstance(error, (*_WRONG_SETTINGS, TooMuchError))
        or _has_too_many_files(error)
        or (
            isinstance(error, requests.exceptions.SSLError)
            and "CERTIFICATE_VERIFY_FAILED" in str(error)
        )
    )


def less_may_succeed(error: Exception) -> bool:
    """Whether a failed request may succeed if it asks for less, such as a shorter window."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return False
    if isinstance(error, TooMuchError | IncompleteResponseError) or timed_out(error):
        return True
    if isinstance(error, requests.exceptions.ConnectionError):
        # The connection was there, and was closed before a response: a proxy's limit, perhaps.
        return isinstance(_innermost(error), ConnectionResetError)
    if isinstance(error, RetriableAPIError):
        status = getattr(error.response, "status_code", 0)
        return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT
    return isinstance(
        error,
        requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError,
    )


def timed_out(error: BaseException) -> bool:
    """Whether there was no response, or no more of it, within the timeout."""
    if isinstance(error, RetriableAPIError):
        return False
    return isinstance(error, requests.exceptions.Timeout) or "timed out" in str(error)


def seconds_before_retry(failures: int, error: Exception, longest: float) -> float:
    """How long to wait before a retry, in seconds: exponential backoff with jitter.

    A Retry-After header is honoured; the jitter keeps parallel runs apart. There is no wait
    before less is requested because Dixa refused to send so much.

    Args:
        failures: How many attempts in a row have failed.
        error: Why the last one failed.
        longest: The longest wait without a Retry-After.
    """
    if isinstance(error, TooMuchError):
        return 0.0
    jitter = random.uniform(1, 1.1)  # noqa: S311 (not a secret)
    growing = min(2.0 ** (failures - 1), longest) * jitter
    return max(growing, retry_after(getattr(error, "response", None)))


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
    except (OverflowError, ValueError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_WAIT)


def describe(error: BaseException) -> str:
    """Describe in a few words why a request failed."""
    if timed_out(error):
        return "no response within request_timeout_seconds"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke in the middle of the response"
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return "the response could not be decompressed"
    if isinstance(error, RetriableAPIError | TooMuchError):
        return str(error)
    causes = list(_causes(error))
    if any(isinstance(cause, _NOT_HTTP) and not isinstance(cause, OSError) for cause in causes):
        return "the response is not HTTP"
    reason = f"no connection: {causes[-1]}"
    return f"{reason}. {TOO_MANY_FILES}" if _has_too_many_files(error) else reason


def _has_too_many_files(error: BaseException) -> bool:
    return getattr(_innermost(error), "errno", None) in {errno.EMFILE, errno.ENFILE}


def _innermost(error: BaseException) -> BaseException:
    *_, innermost = _causes(error)
    return innermost


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, what caused it, what caused that, and so on."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__

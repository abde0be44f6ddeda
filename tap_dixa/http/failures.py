"""Which failed requests are retried, and after how long."""

from __future__ import annotations

import errno
import random
from http import HTTPStatus
from http.client import HTTPException

import requests
from singer_sdk.exceptions import RetriableAPIError
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from tap_dixa.errors import IncompleteResponseError, TooMuchError

RETRIABLE = (RetriableAPIError, requests.RequestException, ConnectionError)
"""Exceptions after which a retry may succeed: see `may_succeed`."""

FAILURES = (*RETRIABLE, TooMuchError)
"""Exceptions after which the same request, or one for less, may succeed."""

MAX_ATTEMPTS = 8
"""Between eight attempts lie 1, 2, 4, 8, 16, 32 and 60 s: two minutes in all, twice what a limit
per minute needs to clear."""

ATTEMPTS_UNAVAILABLE = 3
"""So many attempts while another request to the same API has been given up and none succeeded. The
waits grow no further than between these."""

ATTEMPTS_BEFORE_LESS = 4
"""So many attempts in a row before less is requested, if that may succeed."""

TIMEOUTS_BEFORE_LESS = 2
"""The same for timeouts, each of which has cost `request_timeout_seconds`."""

LONGEST_WAIT = 900.0
"""The longest Retry-After that is honoured, in seconds."""

LONGEST_BACKOFF = 60
"""The longest wait without a Retry-After, in seconds."""

TOO_MANY_FILES = "Raise the limit of open files (ulimit -n), or use a smaller parallel_downloads"
"""What to do if the operating system opens no more files and connections."""

_TOO_LONG_PERHAPS = (
    TooMuchError,
    IncompleteResponseError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)


def may_succeed(error: Exception) -> bool:
    """Whether a failed request may succeed when it is retried unchanged."""
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return False  # the address of a proxy
    if isinstance(error, requests.exceptions.SSLError):
        return "CERTIFICATE_VERIFY_FAILED" not in str(error)
    return not _has_too_many_files(error)


def less_may_succeed(error: Exception) -> bool:
    """Whether a failed request may succeed if it asks for less, such as a shorter window."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return False
    if isinstance(error, _TOO_LONG_PERHAPS) or timed_out(error):
        return True
    if isinstance(error, requests.exceptions.ConnectionError):
        # The connection was there, and was closed before a response: a proxy's limit, perhaps.
        return isinstance(_causes(error)[-1], ConnectionResetError)
    status = status_of(error)
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT


def status_of(error: Exception) -> int:
    """Return the status of the response that an error is about; 0 if there was none."""
    return getattr(getattr(error, "response", None), "status_code", 0)


def timed_out(error: BaseException) -> bool:
    """Whether there was no response, or no more of it, within the timeout."""
    if isinstance(error, RetriableAPIError):
        return False
    return isinstance(error, requests.exceptions.Timeout) or "timed out" in str(error)


def seconds_before_retry(failed_attempts: int, error: Exception) -> float:
    """How long to wait before a retry, in seconds: exponential backoff with jitter.

    A Retry-After header is honoured; the jitter keeps parallel runs apart. There is no wait
    before less is requested because Dixa refused to send so much.
    """
    if isinstance(error, TooMuchError):
        return 0.0
    jitter = random.uniform(1, 1.1)  # noqa: S311 (not a secret)
    growing = min(2.0 ** (failed_attempts - 1), LONGEST_BACKOFF) * jitter
    return max(growing, retry_after(getattr(error, "response", None)))


def retry_after(response: requests.Response | None) -> float:
    """Read the Retry-After header, in seconds: 0 without a usable one."""
    value = response.headers.get("Retry-After", "") if response is not None else ""
    try:
        return min(Retry().parse_retry_after(value), LONGEST_WAIT)
    except (InvalidHeader, OverflowError, ValueError):
        return 0.0


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
    causes = _causes(error)
    # These quote what was sent in place of HTTP, except one: that a connection was closed.
    not_http = (each for each in causes if isinstance(each, HTTPException | InvalidHeader))
    if any(not isinstance(each, OSError) for each in not_http):
        return "the response is not HTTP"
    reason = f"no connection: {causes[-1]}"
    return f"{reason}. {TOO_MANY_FILES}" if _has_too_many_files(error) else reason


def _has_too_many_files(error: BaseException) -> bool:
    return getattr(_causes(error)[-1], "errno", None) in {errno.EMFILE, errno.ENFILE}


def _causes(error: BaseException) -> list[BaseException]:
    """List an error, what caused it, what caused that, and so on."""
    causes = [error]
    while cause := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(cause)
    return causes

"""Send requests again until they succeed: which failures are retried, and after how long."""

import errno
import logging
import random
import time
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException
from typing import TypeVar

import backoff
import requests
from singer_sdk.exceptions import RetriableAPIError
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from tap_dixa.errors import (
    TOO_MANY_FILES,
    IncompleteResponseError,
    RetriesExhaustedError,
    TooMuchError,
)
from tap_dixa.http.session import LimitedSession
from tap_dixa.prefetch import raise_if_cancelled

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

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

_RETRYING = "%s: %s: %s; retrying in %.0f s, attempt %d"
_LIMITED = (
    "%s: %s: %s; the token's limit is used up, by another run perhaps: waiting %.0f s, attempt %d"
)

_TOO_LONG_PERHAPS = (
    TooMuchError,
    IncompleteResponseError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)


class Retries:
    """Retries requests that depend on each other, such as those for the pages of a list.

    Not for several threads.
    """

    attempts_before_less: int | None = None
    """After how many attempts in a row to give up and let the caller request less, if that may
    succeed; None if less cannot be requested."""

    def __init__(self, session: LimitedSession, stream: str, log: Callable[..., None]) -> None:
        self._session = session
        self._stream = stream
        self._log = log
        self._failures: Counter[bool] = Counter()
        """How many attempts have failed since the last success, by whether asking for less may
        help: so a window that was halved again and again leaves all attempts for a 429."""

    def call(self, request: Callable[[_Task], _Result], task: _Task) -> _Result:
        """Call a function with a task until it succeeds.

        Raises:
            RetriableAPIError: All attempts failed. It may be another of `FAILURES`, too.
        """
        attempts = backoff.on_exception(
            backoff.runtime,
            FAILURES,
            giveup=self._was_last,
            on_backoff=lambda retry: self._announce(retry["exception"], retry["wait"], task),
            jitter=None,
            logger=None,
            value=self._seconds,
        )
        result = attempts(request)(task)
        self._failures.clear()
        return result

    def wait(self, error: Exception, task: object) -> None:
        """Log what is requested next, and wait as long as the failures in a row ask for."""
        seconds = self._seconds(error)
        self._announce(error, seconds, task)
        time.sleep(seconds)

    def exhausted(self, error: Exception, what: str) -> RetriesExhaustedError:
        """Take the API for unavailable, and make the error that ends the stream."""
        self._session.unavailable = True
        exhausted = RetriesExhaustedError(f"{what}: {describe(error)}")
        exhausted.reason = describe(error)
        return exhausted

    def _was_last(self, error: Exception) -> bool:
        raise_if_cancelled()
        if isinstance(error, TooMuchError):
            # Dixa is there, and does what it is asked for less: all attempts are left for that.
            self._failures.clear()
            return True
        may_be_less = less_may_succeed(error)
        self._failures[may_be_less] += 1
        attempts = ATTEMPTS_UNAVAILABLE if self._session.unavailable else MAX_ATTEMPTS
        if self.attempts_before_less is not None and may_be_less:
            attempts = min(attempts, self.attempts_before_less)
            if timed_out(error):
                attempts = min(attempts, TIMEOUTS_BEFORE_LESS)
        return self._failures[may_be_less] >= attempts or not may_succeed(error)

    def _seconds(self, error: Exception) -> float:
        attempts = self._failures.total()
        if self._session.unavailable:
            attempts = min(attempts, ATTEMPTS_UNAVAILABLE)
        return seconds_before_retry(attempts, error)

    def _announce(self, error: Exception, seconds: float, task: object) -> None:
        """Log a retry, and how long it waits for the rate limit too.

        After a 429, nothing is sent before it. All requests wait then: one line says so.
        """
        seconds = max(seconds, self._session.limited_for())
        level, message = logging.WARNING, _RETRYING
        if status_of(error) == HTTPStatus.TOO_MANY_REQUESTS:
            if not self._session.hold(seconds):
                return
            level, message = logging.INFO, _LIMITED
        self._log(
            message,
            self._stream,
            task,
            describe(error),
            seconds,
            self._failures.total() + 1,
            level=level,
        )


def may_succeed(error: Exception) -> bool:
    """Whether a failed request may succeed when it is retried unchanged."""
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return False  # the address of a proxy
    if isinstance(error, requests.exceptions.SSLError):
        return "CERTIFICATE_VERIFY_FAILED" not in str(error)
    return not has_too_many_files(error)


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
    if timed_out(error) and not isinstance(error, requests.exceptions.ConnectTimeout):
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
    cause = str(causes[-1])
    if isinstance(error, requests.exceptions.ProxyError):
        cause = f"to the proxy: {cause}"
    reason = f"no connection: {cause}"
    return f"{reason}. {TOO_MANY_FILES}" if has_too_many_files(error) else reason


def has_too_many_files(error: BaseException) -> bool:
    """Whether this machine opens no more files and connections."""
    return getattr(_causes(error)[-1], "errno", None) in {errno.EMFILE, errno.ENFILE}


def _causes(error: BaseException) -> list[BaseException]:
    """List an error, what caused it, what caused that, and so on."""
    causes = [error]
    while cause := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(cause)
    return causes

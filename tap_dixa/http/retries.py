"""Send requests again until they succeed."""

from __future__ import annotations

import time
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import backoff
import requests

from tap_dixa.cancellation import raise_if_cancelled
from tap_dixa.errors import RetriesExhaustedError, TooMuchError
from tap_dixa.http import failures

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tap_dixa.http.session import LimitedSession

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


class Retries:
    """Retries requests that depend on each other, such as those for the pages of a list.

    Not for several threads.

    Args:
        session: The session of the API that the requests are sent to.
        stream: The stream's name, for the log.
        log: Logs a warning, from a message and its arguments.
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
        help: a 429 is not one of the failures that have halved a window."""

    def call(self, request: Callable[[_Task], _Result], task: _Task) -> _Result:
        """Call a function until it succeeds.

        Args:
            request: The function.
            task: Its argument; the log names it.

        Raises:
            RetriableAPIError: All attempts failed. It may be another of `failures.FAILURES`, too.
        """
        attempts = backoff.on_exception(
            self._waits,
            failures.FAILURES,
            giveup=self._is_last,
            on_backoff=self._on_backoff,
            jitter=None,
            logger=None,
        )
        result = attempts(request)(task)
        self._failures.clear()
        return result

    def wait(self, error: Exception, task: object) -> None:
        """Log that a request is retried, and wait as long as the failures in a row ask for.

        Args:
            error: Why the last attempt failed.
            task: What is requested next.
        """
        seconds = self._seconds(error)
        self._announce(error, seconds, task)
        time.sleep(seconds)

    def exhausted(self, error: Exception, what: str) -> RetriesExhaustedError:
        """Take the API for unavailable, and make the error that ends the stream.

        Args:
            error: Why the last attempt failed.
            what: What could not be done.
        """
        self._session.unavailable = True
        return RetriesExhaustedError(f"{what}: {failures.describe(error)}")

    def _is_last(self, error: Exception) -> bool:
        raise_if_cancelled()
        if isinstance(error, TooMuchError):
            # Dixa is there, and does what it is asked for less: all attempts are left for that.
            self._failures.clear()
            return True
        less_may_succeed = failures.less_may_succeed(error)
        self._failures[less_may_succeed] += 1
        attempts = failures.MAX_ATTEMPTS
        if self._session.unavailable:
            attempts = failures.ATTEMPTS_UNAVAILABLE
        if self.attempts_before_less is not None and less_may_succeed:
            attempts = min(attempts, self.attempts_before_less)
            if failures.timed_out(error):
                attempts = min(attempts, failures.TIMEOUTS_BEFORE_LESS)
        return self._failures[less_may_succeed] >= attempts or not failures.may_succeed(error)

    def _waits(self) -> Generator[float, Exception, None]:
        error = yield 0.0
        while True:
            error = yield self._seconds(error)

    def _seconds(self, error: Exception) -> float:
        longest = failures.LONGEST_BACKOFF
        if self._session.unavailable:
            longest = failures.LONGEST_BACKOFF_UNAVAILABLE
        return failures.seconds_before_retry(self._failures.total(), error, longest)

    def _on_backoff(self, details: Any) -> None:
        self._announce(details["exception"], details["wait"], details["args"][0])

    def _announce(self, error: Exception, seconds: float, task: object) -> None:
        response = getattr(error, "response", None)
        if response is not None and response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            self._session.hold(seconds)
        self._log(
            "%s: %s: %s; retrying in %.0f s, attempt %d",
            self._stream,
            urlsplit(str(task.url)).path if isinstance(task, requests.PreparedRequest) else task,
            failures.describe(error),
            seconds,
            self._failures.total() + 1,
        )

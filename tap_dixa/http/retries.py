"""Send requests again until they succeed."""

from __future__ import annotations

import time
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import backoff

from tap_dixa.cancellation import raise_if_cancelled
from tap_dixa.errors import RetriesExhaustedError, TooMuchError
from tap_dixa.http import failures

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tap_dixa.http.client import Client

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


class Retries:
    """Retries requests that depend on each other, such as those for the pages of a list.

    Not for several threads.
    """

    attempts_before_less: int | None = None
    """After how many attempts in a row to give up and let the caller request less, if that may
    succeed; None if less cannot be requested."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._failures: Counter[bool] = Counter()
        """How many attempts have failed since the last success, by whether asking for less may
        help: so a window that was halved again and again leaves all attempts for a 429."""

    def call(self, request: Callable[[_Task], _Result], task: _Task) -> _Result:
        """Call a function with a task until it succeeds.

        Raises:
            RetriableAPIError: All attempts failed. It may be another of `failures.FAILURES`, too.
        """
        attempts = backoff.on_exception(
            self._waits,
            failures.FAILURES,
            giveup=self._was_last,
            on_backoff=self._announce,
            jitter=None,
            logger=None,
        )
        result = attempts(request)(task)
        self._failures.clear()
        return result

    def wait(self, error: Exception, task: object) -> None:
        """Log what is requested next, and wait as long as the failures in a row ask for."""
        seconds = self._seconds(error)
        self._announce({"exception": error, "wait": seconds, "args": (task,)})
        time.sleep(seconds)

    def exhausted(self, error: Exception, what: str) -> RetriesExhaustedError:
        """Take the API for unavailable, and make the error that ends the stream."""
        self._client.session.unavailable = True
        return RetriesExhaustedError(f"{what}: {failures.describe(error)}")

    def _was_last(self, error: Exception) -> bool:
        raise_if_cancelled()
        if isinstance(error, TooMuchError):
            # Dixa is there, and does what it is asked for less: all attempts are left for that.
            self._failures.clear()
            return True
        less_may_succeed = failures.less_may_succeed(error)
        self._failures[less_may_succeed] += 1
        attempts = failures.MAX_ATTEMPTS
        if self._client.session.unavailable:
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
        attempts = self._failures.total()
        if self._client.session.unavailable:
            attempts = min(attempts, failures.ATTEMPTS_UNAVAILABLE)
        return failures.seconds_before_retry(attempts, error)

    def _announce(self, details: Any) -> None:
        """Log a retry, as `backoff` describes it."""
        error, seconds, (task, *_) = details["exception"], details["wait"], details["args"]
        if failures.status_of(error) == HTTPStatus.TOO_MANY_REQUESTS:
            self._client.session.hold(seconds)
        self._client.warn(
            "%s: %s: %s; retrying in %.0f s, attempt %d",
            self._client.stream,
            task,
            failures.describe(error),
            seconds,
            self._failures.total() + 1,
        )

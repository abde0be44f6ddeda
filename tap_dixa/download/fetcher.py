"""Download windows with retries, in parts if Dixa cannot export a window at once."""

from __future__ import annotations

import logging
from collections import deque
from contextlib import ExitStack
from threading import Lock
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from tap_dixa import retry
from tap_dixa.cancellation import raise_if_cancelled
from tap_dixa.download.window_download import WindowDownload
from tap_dixa.download.windows import LONGEST, parts_of
from tap_dixa.errors import DiskError, RetriesExhaustedError, UnusableRecordError
from tap_dixa.timestamps import DAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_dixa.download.spool import Spool
    from tap_dixa.download.windows import Window

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")

SHORTEST_PART = 3_600_000
"""The shortest part of a window that is requested, in ms: an hour."""
_NO_SETTING = "window_days cannot be that small"


class _Stream(Protocol):
    """What the fetcher needs of its stream."""

    @property
    def name(self) -> str: ...

    @property
    def max_attempts(self) -> int: ...

    def retrying(
        self, is_permanent: Callable[[Exception], bool]
    ) -> Callable[[Callable[_Args, _Result]], Callable[_Args, _Result]]: ...

    def give_up(self, error: BaseException) -> str: ...

    def log(self, message: str, *args: Any, level: int = ...) -> None: ...


class WindowFetcher:
    """Downloads a stream's windows. Several threads may use it.

    A part that fails for a reason that less may resolve is halved, down to an hour. The length
    that worked is kept for the stream's other windows.

    Args:
        stream: The stream.
    """

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self._longest_part: int | None = None
        self._length_lock = Lock()

    def fetch(self, window: Window, download: Callable[[Window], Spool]) -> WindowDownload:
        """Download a window.

        Args:
            window: The window.
            download: Downloads a part, without retries.

        Raises:
            RetriesExhaustedError: All attempts failed.
            RefusedError: Dixa refuses the request.
            UnusableRecordError: A record has no usable key or replication key.
            DiskError: The response could not be written.
        """
        found = WindowDownload()
        parts = deque([window])
        with ExitStack() as on_failure:
            on_failure.callback(found.close)
            try:
                while parts:
                    part = self._fetch_part(parts, download, found)
                    self._keep_length(part, shortened=part.length < window.length)
            except retry.RETRIABLE as error:
                reason = self._stream.give_up(error)
                raise RetriesExhaustedError(
                    f"{self._stream.name}: {parts[0]} could not be downloaded: {reason}"
                ) from error
            except (UnusableRecordError, DiskError) as error:
                raise type(error)(f"{self._stream.name}: {parts[0]}: {error}") from None
            on_failure.pop_all()
        return found

    def _fetch_part(
        self, parts: deque[Window], download: Callable[[Window], Spool], found: WindowDownload
    ) -> Window:
        """Download the first of the parts, halving it while less may succeed; return it."""
        failures, halved = 0, False

        def is_permanent(error: Exception) -> bool:
            nonlocal failures, halved
            raise_if_cancelled()
            failures += 1
            before_less = 1 if halved else retry.attempts_before_less(error)
            if (
                retry.less_may_succeed(error)
                and failures >= min(before_less, self._stream.max_attempts)
                and parts[0].length >= 2 * SHORTEST_PART
            ):
                _split_first(parts, -(-parts[0].length // 2))
                halved = True
                return False
            return failures >= self._stream.max_attempts or not retry.may_succeed(error)

        def attempt(_: object) -> Window:
            if self._longest_part is not None and parts[0].length > self._longest_part:
                _split_first(parts, self._longest_part)
            part = parts[0]
            found.add(part, download(part))
            parts.popleft()
            return part

        return self._stream.retrying(is_permanent)(attempt)(_First(parts))

    def _keep_length(self, part: Window, *, shortened: bool) -> None:
        """Keep the length of a part that was shortened until it worked, and report it once."""
        with self._length_lock:
            if not shortened or part.length >= (self._longest_part or LONGEST):
                return
            self._longest_part = part.length
        days = part.length // DAY
        self._stream.log(
            "%s: Dixa cannot export more than %.1f hours at once, so the tap requests windows in "
            "parts. %s",
            self._stream.name,
            part.length / 3_600_000,
            f"Set window_days to {days} to do so from the start" if days else _NO_SETTING,
            level=logging.WARNING,
        )


def _split_first(parts: deque[Window], longest: int) -> None:
    parts.extendleft(reversed(parts_of(parts.popleft(), longest)))


class _First:
    """Names the window that is being downloaded, in a log line about a retry."""

    def __init__(self, parts: deque[Window]) -> None:
        self._parts = parts

    def __str__(self) -> str:
        return str(self._parts[0])

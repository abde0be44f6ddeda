"""Dixa's rate limits. A request beyond them is refused with 429."""

from collections import deque
from threading import Lock

_MINUTE = 60.0


class PerMinute:
    """The exports' limit: so many requests in any minute. Those that are refused do not count."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque()
        self._lock = Lock()

    def take(self, limit: int, now: float) -> bool:
        """Count a request if the limit allows it, and return whether it does.

        Args:
            limit: How many requests a minute may have; 0 if there is no limit.
            now: The time in seconds, by a clock that does not go back.
        """
        with self._lock:
            while self._recent and self._recent[0] <= now - _MINUTE:
                self._recent.popleft()
            if limit and len(self._recent) >= limit:
                return False
            self._recent.append(now)
            return True


class Bucket:
    """The Dixa API's limit: so many requests a second, of which a few may come at once.

    It begins full. Each request takes a token, and tokens come back at a steady rate.
    """

    def __init__(self) -> None:
        self._missing = 0.0
        self._looked_at = 0.0
        self._lock = Lock()

    def take(self, rate: float, size: int, now: float) -> bool:
        """Take a token if there is one, and return whether there was.

        Args:
            rate: How many come back a second; 0 if there is no limit.
            size: How many the bucket holds.
            now: The time in seconds, by a clock that does not go back.
        """
        if not rate:
            return True
        with self._lock:
            back = (now - self._looked_at) * rate
            self._missing, self._looked_at = max(0.0, self._missing - back), now
            if self._missing > size - 1:
                return False
            self._missing += 1
            return True

"""A limit on requests a second that lets a few come at once: a token bucket."""

from __future__ import annotations

from threading import Lock


class Bucket:
    """Begins full. Each request takes a token, and tokens come back at a steady rate."""

    def __init__(self) -> None:
        self._missing = 0.0
        self._looked_at = 0.0
        self._lock = Lock()

    def take(self, rate: float, size: int, now: float) -> bool:
        """Take a token if there is one.

        Args:
            rate: How many come back a second; 0 if there is no limit.
            size: How many the bucket holds.
            now: The time in seconds, by a clock that does not go back.

        Returns:
            Whether there was one.
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

"""How often requests are sent: sessions that keep Dixa's rate limits."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from pyrate_limiter import InMemoryBucket, Limiter, Rate
from typing_extensions import override

from tap_dixa.cancellation import raise_if_cancelled
from tap_dixa.timestamps import to_milliseconds

MINUTE = 60_500
"""A rate limit's minute in ms, and a little more: some requests take longer to arrive."""

BURST, BURST_INTERVAL = 4, 440
"""The Dixa API's limit, in requests and ms: ten a second in bursts of four is four in 400 ms. A
little is added."""

_POLL = 0.5
"""How often a waiting request looks whether it is cancelled, in seconds."""


class LimitedSession(requests.Session):
    """A session that delays a request rather than exceed a rate limit.

    Response bodies are streamed: whoever sent a request reads them. Several threads may use it.

    Args:
        limit: How many requests may be sent in an interval. So many are sent without a delay.
        interval: The interval, in ms.
    """

    def __init__(self, limit: int, interval: int) -> None:
        super().__init__()
        self._limiter = Limiter(InMemoryBucket([Rate(limit, interval)]))
        self._held_until = 0.0
        self.unavailable = False
        """Whether a request was given up, and none has succeeded since."""
        self.service_time: int | None = None
        """When the first response was sent, by the service's clock, in Unix ms."""
        self.stream = True
        # Plain http is for loopback only, and a proxy would be another host that sees the token.
        self.proxies = {"http": ""}
        # The SDK sends prepared requests, for which requests does not look at these variables.
        self.verify = (
            os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
        )

    def hold(self, seconds: float) -> None:
        """Delay all requests, because Dixa refused one of them as too many (429)."""
        self._held_until = max(self._held_until, time.monotonic() + seconds)

    @override
    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        raise_if_cancelled()
        while (left := self._held_until - time.monotonic()) > 0:
            time.sleep(min(left, _POLL))
            raise_if_cancelled()
        while not self._limiter.try_acquire(timeout=_POLL):
            raise_if_cancelled()
        response = super().send(request, **kwargs)
        if self.service_time is None:
            with suppress(OverflowError, ValueError):  # a response without a usable Date
                date = parsedate_to_datetime(response.headers.get("Date", ""))
                self.service_time = to_milliseconds(date)
        return response

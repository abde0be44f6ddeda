"""How often Dixa is asked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyrate_limiter import InMemoryBucket, Limiter, Rate
from requests_ratelimiter import LimiterSession

if TYPE_CHECKING:
    import requests

MINUTE = 60_500
"""A rate limit's minute in ms, and a little more: requests do not all travel equally fast."""

BURST, BURST_TIME = 4, 440
"""The Dixa API's limit: ten requests a second in bursts of four, or four in 400 ms and a little
more."""


def paced_session(most: int, milliseconds: int) -> requests.Session:
    """Open a session that waits rather than go over a rate limit.

    Its answers are streams: their bodies are read by whoever asked.

    Args:
        most: How many requests there may be in that time. So many go out without any wait.
        milliseconds: The time that the limit counts in.
    """
    bucket = InMemoryBucket([Rate(most, milliseconds)])
    # What the server still refuses is waited for in one place only: the retries.
    session = LimiterSession(limiter=Limiter(bucket), per_host=False, limit_statuses=())
    session.stream = True
    # Plain http is for this machine only, and a proxy would be another host for the token.
    session.proxies = {"http": ""}
    # The SDK sends prepared requests, for which requests does not look at these variables.
    session.verify = (
        os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    )
    return session

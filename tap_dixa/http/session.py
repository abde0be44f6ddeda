"""HTTP sessions that keep Dixa's rate limits."""

import logging
import os
import ssl
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import requests
from pyrate_limiter import InMemoryBucket, Limiter, Rate
from typing_extensions import override
from urllib3.connection import HTTPConnection

from tap_dixa.errors import SettingsError, UnreachableError
from tap_dixa.log_shapes import shows_values
from tap_dixa.prefetch import raise_if_cancelled
from tap_dixa.timestamps import to_milliseconds

MINUTE = 60_500
"""A rate limit's minute in ms, and a little more: some requests take longer to arrive."""

BURST, BURST_INTERVAL = 4, 440
"""The Dixa API's limit, in requests and ms: ten a second in bursts of four is four in 400 ms. A
little is added."""

PATIENCE = 7.0
"""How long to try to reach a host from which no response ever came, in seconds. After its first
response an outage is waited for, in all attempts of `retries`."""
TEST_PATIENCE = 1.0
"""The same in a connection test: somebody waits for the result."""
CONNECT_TIMEOUT = 3
"""How long such a host may take to accept a connection, in seconds."""

_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""The variables that name the file, or the folder, of the certificates to trust. The first one
that is set counts."""

_PROXY_REFUSES = "Tunnel connection failed: 407"
_SET_PROXY = (
    "HTTPS_PROXY: the proxy asks for a user and a password (407). Set it to an address with those "
    "that the proxy accepts, such as http://user:password@proxy.example:3128"
)

_POLL = 0.5
"""How often a waiting request looks whether it is cancelled, in seconds."""


class _FinalResponse(HTTPResponse):
    """A response after any interim ones, such as 103: http.client passes by 100 alone."""

    @override
    def begin(self) -> None:
        super().begin()
        while self.status < HTTPStatus.OK and self.status != HTTPStatus.SWITCHING_PROTOCOLS:
            self.headers = None  # type: ignore[assignment] # nothing has been read
            super().begin()


HTTPConnection.response_class = _FinalResponse
# Its warnings quote what was sent: they are for the level DEBUG.
logging.getLogger("urllib3.connection").addFilter(lambda _: shows_values())


class LimitedSession(requests.Session):
    """A session that delays a request rather than exceed a rate limit.

    Response bodies are streamed: whoever sent a request reads them. Several threads may use it.

    Args:
        limit: How many requests may be sent in an interval. So many are sent without a delay.
        interval: The interval, in ms.

    Raises:
        SettingsError: The certificates to trust cannot be read.
    """

    def __init__(self, limit: int, interval: int) -> None:
        super().__init__()
        self._limit, self._interval = limit, interval
        self._bucket = InMemoryBucket([Rate(limit, interval)])
        self._limiter = Limiter(self._bucket)
        self._held_until = 0.0
        self.answered = False
        """Whether a response has ever come."""
        self._tried_since: float | None = None
        """When the first request was sent, by the monotonic clock, in seconds."""
        self.unreachable: UnreachableError | None = None
        """Why nothing more is sent to the host, if no response ever came."""
        self.unavailable = False
        """Whether a request was given up, and none has succeeded since."""
        self.accepted: requests.PreparedRequest | None = None
        """The last request that Dixa answered with a 200."""
        self.service_time: int | None = None
        """When the first response was sent, by the service's clock, in Unix ms."""
        self.stream = True
        # Plain http is for loopback only, and a proxy would be another host that sees the token.
        self.proxies = {"http": ""}
        self.verify = _certificates()

    def hold(self, seconds: float) -> bool:
        """Delay all requests, because Dixa refused one of them as too many (429).

        Returns:
            Whether they wait notably longer than other refusals make them wait already.
        """
        now = time.monotonic()
        left, self._held_until = self._held_until - now, max(self._held_until, now + seconds)
        return seconds > 1.2 * left

    def has_tried_for(self, seconds: float) -> bool:
        """Whether the first request was sent so many seconds ago, or earlier."""
        return self._tried_since is not None and time.monotonic() - self._tried_since >= seconds

    def limited_for(self) -> float:
        """Say how long the rate limit would delay a request now, in seconds."""
        oldest = self._bucket.peek(self._limit - 1)
        until = oldest.timestamp + self._interval if oldest else 0
        now: int = self._bucket.now()  # type: ignore[no-untyped-call]
        return max(0, until - now) / 1000

    @override
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        # No redirect is followed, and so none is read: not each value of Location is an address.
        return None

    @override
    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        raise_if_cancelled()
        while (left := self._held_until - time.monotonic()) > 0:
            time.sleep(min(left, _POLL))
            raise_if_cancelled()
        while not self._limiter.try_acquire(timeout=_POLL):
            raise_if_cancelled()
        begun = time.monotonic()
        self._tried_since = self._tried_since or begun
        timeout: float = kwargs["timeout"]
        if not self.answered:
            kwargs["timeout"] = (min(timeout, CONNECT_TIMEOUT), timeout)
        try:
            response = super().send(request, **kwargs)
        except requests.exceptions.ReadTimeout as error:
            if not self.answered and time.monotonic() - begun < timeout:
                # It was no response that was late, but a part of the handshake of TLS.
                raise requests.exceptions.ConnectTimeout(error) from error
            raise
        except requests.exceptions.ProxyError as error:
            if _PROXY_REFUSES in str(error):
                raise SettingsError(_SET_PROXY) from None
            raise
        self.answered = True
        if response.status_code == HTTPStatus.OK:
            self.accepted = request
        if self.service_time is None:
            with suppress(OverflowError, ValueError):  # a response without a usable Date
                date = parsedate_to_datetime(response.headers.get("Date", ""))
                self.service_time = to_milliseconds(date)
        return response


def _certificates() -> str | bool:
    """Return which certificates to trust: a path, or True for those that requests brings along.

    For prepared requests, requests does not look at the variables.
    """
    for name in _CERTIFICATES:
        if path := os.environ.get(name):
            kind = "capath" if Path(path).is_dir() else "cafile"
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(**{kind: path})
            except OSError as error:
                raise SettingsError(
                    f"{name}: {path} is no file of certificates that can be used: {error}. Name "
                    "one in PEM format, or unset the variable"
                ) from None
            return path
    return True

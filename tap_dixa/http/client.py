"""The client: it sends requests to Dixa, with the token, within the rate limit."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from singer_sdk import metrics

from tap_dixa.errors import ExpiredTokenError, TooMuchError, UnreachableError
from tap_dixa.http.retries import Retries, describe, has_too_many_files, may_succeed
from tap_dixa.http.run import Run
from tap_dixa.http.session import LimitedSession
from tap_dixa.http.statuses import error_of

_EXPIRED = (
    "%s: Dixa no longer accepts api_token, which it accepted earlier in this run. An administrator "
    "makes a new one in Dixa under Settings, Integrations, API Tokens"
)
LARGEST_PAGE = 64 << 20
"""A larger page is refused, in bytes, decompressed. The largest of the activity log, of 10,000
entries, has some 20 MB."""
_PART = 1 << 16
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Request:
    """A request to Dixa. It is a POST if it has a body."""

    path: str
    """The path, with a name in braces for each of the `ids`."""
    ids: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    """JSON."""
    complete: frozenset[int] = frozenset({HTTPStatus.OK})
    """The statuses of a complete response. Any other success is retried, and then fails the
    stream: a 206, for example, is a part of a response, and a 202 only promises one."""

    def __str__(self) -> str:
        # An id is whatever Dixa sends, and must not lead to another path.
        quoted = {name: quote(str(value), safe="") for name, value in self.ids.items()}
        return self.path.format_map(quoted)

    def with_query(self, query: Mapping[str, Any]) -> Request:
        """Add parameters to the query."""
        return replace(self, query={**self.query, **query})


class Client:
    """Sends the requests of one stream to one of Dixa's two APIs. Several threads may use it."""

    def __init__(self, run: Run, stream: str, *, is_exports: bool = False) -> None:
        self.run = run
        self.stream = stream
        """The stream's name, for messages, metrics and the report of a connection test."""
        self.is_exports = is_exports
        """Whether requests go to the Exports API."""
        self._log = run.logger.getChild(stream)

    @property
    def session(self) -> LimitedSession:
        """The session of the API."""
        return self.run.exports_session if self.is_exports else self.run.dixa_api_session

    def log(self, message: str, *args: Any, level: int = logging.INFO) -> None:
        """Log a message."""
        self._log.log(level, message, *args)

    def warn(self, message: str, *args: Any) -> None:
        """Log a warning."""
        self._log.warning(message, *args)

    def warn_of_replaced(self, source: object, count: int) -> None:
        """Warn of characters that no target can store, if the response for a source had any."""
        if count:
            replaced = "%s: %s: replaced %d invalid characters with U+FFFD"
            self.warn(replaced, self.stream, source, count)

    def retries(self) -> Retries:
        """Make the retries of requests that depend on each other."""
        return Retries(self.session, self.stream, self.log)

    def send(self, request: Request) -> requests.Response:
        """Send a request once. Of the body of a complete response, nothing is read.

        Raises:
            RetriableAPIError: A retry may succeed. So it may after an exception of requests.
            RefusedError: Dixa refuses the request.
            ExpiredTokenError: Dixa no longer accepts the token.
            UnreachableError: No response ever came from the address, and it was tried for a while.
        """
        settings = self.run.settings
        base = settings.exports_api_url if self.is_exports else settings.dixa_api_url
        prepared = self.session.prepare_request(
            requests.Request(
                "GET" if request.body is None else "POST",
                f"{base}{request}",
                params=request.query,
                json=request.body,
                headers={
                    "Accept": "application/json",
                    "User-Agent": settings.user_agent or f"tap-dixa/{self.run.version}",
                },
            )
        )
        # Last: requests would replace it by a password from the user's .netrc.
        prepared.headers["Authorization"] = f"Bearer {settings.api_token}"
        if self.session.unreachable is not None:
            raise self.session.unreachable
        try:
            response = self.session.send(prepared, timeout=settings.request_timeout_seconds)
        except requests.ConnectionError as failure:
            self._give_up_unreachable(base, failure)
            raise
        self._measure(request, response)
        api = "Exports API" if self.is_exports else "Dixa API"
        self.run.report.response(self.stream, api, request.path, response)
        if response.status_code in request.complete:
            self.session.unavailable = False
            self.run.permissions.flush()
            return response
        with response:
            error = error_of(response, self.stream)
        if response.status_code == HTTPStatus.UNAUTHORIZED and self._token_has_expired():
            raise ExpiredTokenError(_EXPIRED % self.stream)
        raise error

    def _give_up_unreachable(self, address: str, error: requests.ConnectionError) -> None:
        """Raise UnreachableError if an address never responded, and it was tried for long enough.

        Then all streams that need it fail at once: a run would otherwise wait minutes for each.
        """
        session = self.session
        if session.answered or has_too_many_files(error):
            return
        if session.has_tried_for(self.run.patience) or not may_succeed(error):
            parts = urlsplit(address)
            port = "" if parts.port else f":{_PORTS[parts.scheme]}"
            where = f"{parts.scheme}://{parts.netloc}{port}"
            session.unreachable = UnreachableError(where, describe(error))
            raise session.unreachable from error

    def _measure(self, request: Request, response: requests.Response) -> None:
        """Log the SDK's metric of a request."""
        failed = response.status_code >= HTTPStatus.BAD_REQUEST
        point = metrics.Point(
            "timer",
            metric=metrics.Metric.HTTP_REQUEST_DURATION,
            value=response.elapsed.total_seconds(),
            tags={
                metrics.Tag.STREAM: self.stream,
                metrics.Tag.ENDPOINT: request.path,
                metrics.Tag.HTTP_STATUS_CODE: response.status_code,
                metrics.Tag.STATUS: metrics.Status.FAILED if failed else metrics.Status.SUCCEEDED,
            },
        )
        metrics.log(self.run.metrics_logger, point=point)

    def _token_has_expired(self) -> bool:
        """Whether Dixa refuses a request now (401) that it accepted earlier in this run.

        If not, it is this path, or this one of the two APIs, that the token may not read.
        """
        for session in (self.session, self.run.dixa_api_session, self.run.exports_session):
            if session.accepted is not None:
                timeout = self.run.settings.request_timeout_seconds
                try:
                    with session.send(session.accepted, timeout=timeout) as response:
                        return response.status_code == HTTPStatus.UNAUTHORIZED
                except requests.RequestException:
                    return False
        return False


def body_parts(response: requests.Response, size: int) -> Iterator[bytes]:
    """Yield a body in parts as they arrive, decompressed, of so many bytes at most.

    Raises:
        RequestException: The body is damaged, or ends early.
    """
    try:
        yield from response.iter_content(size)
    except ValueError as error:  # a chunk says that it has a negative length
        raise requests.exceptions.ChunkedEncodingError(error) from error


def read_page(response: requests.Response, stream: str) -> bytes:
    """Read a page whole, and no more of it than memory holds.

    Raises:
        RequestException: The body is damaged, or ends early.
        TooMuchError: It is too large.
    """
    parts, size = [], 0
    with response:
        for part in body_parts(response, _PART):
            parts.append(part)
            size += len(part)
            if size > LARGEST_PAGE:
                raise TooMuchError(
                    f"{stream}: Dixa sent a page of more than {LARGEST_PAGE >> 20} MB, which is "
                    "more than the tap can hold. Try a smaller page_size; if that does not help, "
                    "please report it"
                )
    return b"".join(parts)

"""The base of the streams of the Dixa API: rows, page by page."""

from __future__ import annotations

import logging
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, quote
from weakref import WeakKeyDictionary

from typing_extensions import override

from tap_dixa import retry
from tap_dixa.client import DixaStream
from tap_dixa.download.json_text import repair_text
from tap_dixa.errors import NotFoundError
from tap_dixa.response_body import read_page
from tap_dixa.streams.pages import NextLinkPaginator, decode_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from urllib.parse import ParseResult

    import msgspec
    import requests
    from singer_sdk.helpers.types import Context

    from tap_dixa.rate_limit import LimitedSession
    from tap_dixa.retries import Retries
    from tap_dixa.streams.pages import Page

_V1, _BETA = "/v1/", "/beta/"


class _Thread(threading.local):
    """Whether the current thread requests paths under ``/beta``."""

    tries_beta = False


class DixaApiStream(DixaStream):
    """A stream of the Dixa API.

    A subclass has a ``name``, ``path``, ``primary_keys`` and the schema file
    ``schemas/NAME.json``.
    """

    rows: ClassVar[Sequence[str]] = ("data",)
    """Where in a response the rows are."""

    one_row = False
    """Whether there is one object in the place of a list of rows."""

    row_type: ClassVar[Any] = Any
    """`msgspec.Raw` for rows that are not decoded."""

    parameters: ClassVar[Mapping[str, str]] = {}
    """Query parameters of every request."""

    has_page_limit = False
    """Whether the setting `page_size` is for this list, which can be long."""

    any_page_read = False
    """Whether a request of the stream has succeeded."""

    in_doubt = False
    """Whether a list of the stream ended in a way that leaves it open whether it was whole."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pages: WeakKeyDictionary[requests.Response, Page] = WeakKeyDictionary()
        self._thread = _Thread()

    @property
    @override
    def url_base(self) -> str:
        return self.settings.dixa_api_url

    @property
    @override
    def requests_session(self) -> LimitedSession:
        return self.run.dixa_api_session

    @override
    def get_url(self, context: Context | None) -> str:
        # An id is whatever Dixa sends, and not to lead to another path.
        url = super().get_url(
            context and {name: quote(str(value), safe="") for name, value in context.items()}
        )
        return url.replace(_V1, _BETA, 1) if self._thread.tries_beta or self._has_beta else url

    @property
    def _has_beta(self) -> bool:
        """Whether Dixa has answered under ``/beta``, and had nothing under ``/v1``."""
        return self.path in self.run.beta_paths

    @override
    def request_records(self, context: Context | None) -> Iterable[Any]:
        retries = self.retries()
        try:
            yield from self.request_rows(context, retries)
        except retry.RETRIABLE as error:
            raise retries.exhausted(error, f"{self.name} could not be read") from error

    def request_rows(self, context: Context | None, retries: Retries) -> Iterator[Any]:
        """Yield the rows of all pages, each requested with retries.

        Args:
            context: What the requests depend on.
            retries: Retries each request. What the last attempt raises is raised as it is: one of
                `retry.FAILURES`, where the caller may request less.
        """
        answered = self.any_page_read or self._has_beta
        try:
            for row in self._request_pages(context, retries):
                answered = True
                yield row
        except NotFoundError:
            if answered or not self.path.startswith(_V1):
                raise
            # Dixa's published description is written for /beta; /v1 has the same paths, it says.
            # As long as neither has answered, a 404 may be a matter of the row that is asked for.
            self._thread.tries_beta = True
            try:
                yield from self._request_pages(context, retries)
            finally:
                self._thread.tries_beta = False

    def _request_pages(self, context: Context | None, retries: Retries) -> Iterator[Any]:
        paginator = self.get_new_paginator()
        with self.get_http_request_counter() as counter:
            counter.with_context(context)
            while not paginator.finished:
                request = self.prepare_request(context, paginator.current_value)
                response = retries.call(self.send, request)
                counter.increment()
                rows = self.parse_response(response)
                yield from rows
                if not rows:
                    paginator.continue_if_empty(response)
                paginator.advance(response)

    @override
    def get_new_paginator(self) -> NextLinkPaginator:
        return NextLinkPaginator(self.name, self._pages.__getitem__, self.doubt)

    @override
    def get_url_params(
        self, context: Context | None, next_page_token: ParseResult | None
    ) -> dict[str, Any]:
        # Only a link's query is taken: the token is sent to the configured host only.
        link = dict(parse_qsl(next_page_token.query)) if next_page_token else {}
        size = self.settings.page_size
        page_limit = {"pageLimit": str(size)} if self.has_page_limit and size else {}
        return {**self.parameters, **page_limit, **link}

    @override
    def validate_response(self, response: requests.Response) -> None:
        super().validate_response(response)
        if self._thread.tries_beta and not self._has_beta:
            self.run.beta_paths.add(self.path)
            self.log("%s: Dixa has %s under /beta only", self.name, self.path)
        self.any_page_read = True
        # Decoded here and only here: what this raises is retried.
        body, replaced = repair_text(read_page(response, self.name))
        if not body.strip() and HTTPStatus.NO_CONTENT in self.complete_statuses:
            body = b"{}"
        self.warnings.replaced(self.path, replaced)
        page = self._pages[response] = decode_page(
            body, self.rows, self.row_type, one_row=self.one_row
        )
        if not page.has_list:
            self.doubt("Dixa sent a page without a list of rows")
        self.run.report.page(self, page.rows, more=bool(page.next_link))

    @override
    def parse_response(self, response: requests.Response) -> list[Any]:
        return self._pages[response].rows

    def doubt(self, reason: str) -> None:
        """Warn, once, that a list may not be whole, although it ends.

        Args:
            reason: Why.
        """
        if not self.in_doubt:
            self.in_doubt = True
            self.log(
                "%s: %s: the list may be incomplete, so this run sends no ACTIVATE_VERSION",
                self.name,
                reason,
                level=logging.WARNING,
            )


def as_array(rows: Iterable[bytes | msgspec.Raw]) -> Iterator[bytes]:
    """Write the JSON of rows as one array, a row at a time."""
    separator = b"["
    for row in rows:
        yield separator + bytes(row)
        separator = b","
    yield b"]" if separator == b"," else b"[]"

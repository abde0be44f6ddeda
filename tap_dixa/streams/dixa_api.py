"""The base of the streams of the Dixa API: rows, page by page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from urllib.parse import parse_qsl
from weakref import WeakKeyDictionary

import msgspec
from singer_sdk.pagination import BaseHATEOASPaginator
from typing_extensions import override

from tap_dixa import retry
from tap_dixa.client import DixaStream
from tap_dixa.download.json_array import repair_text
from tap_dixa.errors import BadResponseError, NotFoundError, RefusedError, RetriesExhaustedError
from tap_dixa.output.json_numbers import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from urllib.parse import ParseResult

    import requests
    from singer_sdk.helpers.types import Context

    from tap_dixa.rate_limit import LimitedSession

_ZONE_NAME = re.compile(rb'"(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))\[[\w/+-]+\]"')
"""A time as the Dixa API writes it, ``2021-12-01T12:46:36.581Z[GMT]``: no target reads the name
of the zone."""
_MOST_EMPTY_PAGES = 100
"""So many pages without a row, each with a link to another, are no list."""
_V1, _BETA = "/v1/", "/beta/"
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ROWS = msgspec.json.Decoder(list[msgspec.Raw])


class Page(NamedTuple):
    """A response of a list, decoded."""

    rows: list[Any]
    """Its rows: decoded JSON, or the raw JSON of each one if the stream's `row_type` is that."""
    next_link: str | None
    """The link to the next page, if there is one."""


class NextLinkPaginator(BaseHATEOASPaginator):
    """Follows ``meta.next`` from page to page. The last page has none.

    Args:
        stream: The stream's name, for the message.
        page_of: Returns the page that a response was decoded to.
    """

    def __init__(self, stream: str, page_of: Callable[[requests.Response], Page]) -> None:
        super().__init__()
        self._stream = stream
        self._page_of = page_of
        self._followed: set[str] = set()
        self._empty_pages = 0

    @override
    def get_next_url(self, response: requests.Response) -> str | None:
        link = self._page_of(response).next_link
        if not link or link in self._followed:  # a circle: everything was read
            return None
        self._followed.add(link)
        return link

    @override
    def continue_if_empty(self, response: requests.Response) -> bool:
        self._empty_pages += 1
        if self._empty_pages > _MOST_EMPTY_PAGES:
            raise RefusedError(
                f"{self._stream}: Dixa links from one empty page to the next without an end"
            )
        return True


class DixaApiStream(DixaStream):
    """A stream of the Dixa API.

    A subclass has a ``name``, ``path``, ``primary_keys`` and the schema file
    ``schemas/NAME.json``.
    """

    rows: ClassVar[Sequence[str]] = ("data",)
    """Where in a response the rows are."""

    row_type: ClassVar[Any] = Any
    """What msgspec decodes a row to."""

    parameters: ClassVar[Mapping[str, str]] = {}
    """Query parameters of every request."""

    has_page_limit = False
    """Whether Dixa documents `pageLimit` for this list."""

    any_page_read = False
    """Whether a request of the stream has succeeded."""

    _beta_tried = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pages: WeakKeyDictionary[requests.Response, Page] = WeakKeyDictionary()

    @property
    @override
    def url_base(self) -> str:
        return self.settings.dixa_api_url

    @property
    @override
    def requests_session(self) -> LimitedSession:
        return self.tap.dixa_api_session

    @override
    def get_url(self, context: Context | None) -> str:
        url = super().get_url(context)
        return url.replace(_V1, _BETA, 1) if self.path in self.tap.beta_paths else url

    @override
    def request_records(self, context: Context | None) -> Iterable[Any]:
        try:
            yield from self._request_records(context)
        except retry.RETRIABLE as error:
            raise RetriesExhaustedError(
                f"{self.name} could not be read: {self.give_up(error)}"
            ) from error

    def _request_records(self, context: Context | None) -> Iterable[Any]:
        beta_paths, path = self.tap.beta_paths, self.path
        try:
            yield from super().request_records(context)
        except NotFoundError:
            if self.any_page_read or self._beta_tried:
                raise
            # Dixa's published description is written for /beta; /v1 has the same paths, it says.
            self._beta_tried = True
            beta_paths.add(path)
            try:
                yield from super().request_records(context)
            finally:
                if not self.any_page_read:
                    beta_paths.discard(path)
            self.log("%s: Dixa has %s under /beta only", self.name, path)

    @override
    def get_new_paginator(self) -> NextLinkPaginator:
        return NextLinkPaginator(self.name, self._pages.__getitem__)

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
        self.any_page_read = True
        # Decoded here and only here: what this raises is retried.
        body, replaced = repair_text(response.content)
        self.report_replaced(self.path, replaced)
        page = self._pages[response] = self._decode(body)
        if self.tap.report is not None:
            self.tap.report.page(self, page.rows, more=bool(page.next_link))

    @override
    def parse_response(self, response: requests.Response) -> list[Any]:
        return self._pages[response].rows

    def _decode(self, body: bytes) -> Page:
        """Decode a page.

        Raises:
            BadResponseError: It is none.
        """
        try:
            page = _OBJECT.decode(_ZONE_NAME.sub(rb'"\1"', body))
            meta = msgspec.json.decode(page.get("meta", b"null"), type=_Meta | None)
            rows, found = page, msgspec.Raw(b"null")
            for name in self.rows:
                # Dixa's description allows a list without rows to be omitted.
                if rows.keys() <= {"meta"}:
                    found = msgspec.Raw(b"[]")
                    break
                found = rows.get(name, found)
                if name != self.rows[-1]:
                    rows = _OBJECT.decode(found)
            decoded: list[Any] = _ROWS.decode(found)
            if self.row_type is not msgspec.Raw:
                decoded = list(map(decode, decoded))
        except msgspec.ValidationError:
            begins = body[:80].decode(errors="replace")
            raise BadResponseError(
                f"the response is not a page of rows: it begins with {begins!r}"
            ) from None
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise BadResponseError(f"the response is damaged: {error}") from None
        return Page(decoded, meta.next if meta else None)


class _Meta(msgspec.Struct):
    next: str | None = None

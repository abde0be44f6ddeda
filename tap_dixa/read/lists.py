"""The lists of the Dixa API: rows, page by page."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from requests import Response

from tap_dixa.download.json_array import repair_text
from tap_dixa.errors import STREAM_FAILURES, NotFoundError, RefusedError, UnusableRecordError
from tap_dixa.http.client import Client, Request, read_page
from tap_dixa.http.retries import RETRIABLE, Retries
from tap_dixa.log_shapes import shown_value
from tap_dixa.read.batches import MOST_ROWS, Batch, Done
from tap_dixa.read.pages import Page, decode_page

_MOST_REPEATED = 1_000
"""After so many pages and rows in a row that came before, each page with a new link, the list
has no end. Rows without an id may be equal, and an empty page may have a link."""
_V1, _BETA = "/v1/", "/beta/"
LIST_STATUSES = frozenset({HTTPStatus.OK, HTTPStatus.NO_CONTENT})
"""The statuses of a complete page of a list: a list without rows may be a 204."""


class ListSource:
    """Requests a list, page by page. Several threads may use it.

    The request is for the first page. For the other arguments, see `decode_page`.
    """

    def __init__(
        self,
        client: Client,
        request: Request,
        *,
        rows_at: Sequence[str] = ("data",),
        one_row: bool = False,
        is_raw: bool = False,
    ) -> None:
        self.client = client
        self.request = request
        self.answered = False
        """Whether a request has succeeded."""
        self.in_doubt = False
        """Whether a list ended in a way that leaves it open whether it was whole."""
        self._rows_at = rows_at
        self._one_row = one_row
        self._is_raw = is_raw

    def rows(self, request: Request | None = None) -> Iterator[Any]:
        """Yield the rows of all pages. The first page may be that of another request."""
        request, retries = request or self.request, self.client.retries()
        try:
            yield from self.rows_with(retries, request)
        except RETRIABLE as error:
            what = f"{self.client.stream}: {request} could not be read"
            raise retries.exhausted(error, what) from error

    def rows_by_id(self) -> dict[Any, Any]:
        """Request all rows, each of which must have an id, and return them by their ids."""
        return {self._id_of(row): row for row in self.rows()}

    def ids(self) -> Iterator[Any]:
        """Yield the ids of all rows."""
        yield from self.rows_by_id()

    def _id_of(self, row: Any) -> Any:
        if isinstance(row, dict) and is_key(row.get("id")):
            return row["id"]
        raise unusable_key(self.client.stream, ["id"], row)

    def rows_with(self, retries: Retries, request: Request) -> Iterator[Any]:
        """Yield the rows of all pages, as `rows` does, where the caller may request less.

        What the last attempt raises is raised as it is: one of `FAILURES`.
        """
        followed, digests, repeated = {""}, set(), 0  # no query leads to the first page
        while True:
            page: Page = retries.call(self._page, request)
            yield from page.rows
            query = page.next_query
            if query is None:
                return
            if query in followed:
                # Whatever the links lead to was read. To fail would mean never to sync the list.
                self._doubt("the last page links back to one that was read")
                return
            repeated = repeated + 1 + len(page.rows) if page.digest in digests else 0
            if repeated > _MOST_REPEATED:
                raise RefusedError(
                    f"{self.client.stream}: Dixa sends the same pages again and again, each with a "
                    "link to another, so the rest of the list cannot be read"
                )
            followed.add(query)
            digests.add(page.digest)
            request = request.with_query(dict(parse_qsl(query)))

    def _page(self, request: Request) -> Page:
        """Request a page. What this raises is retried."""
        client = self.client
        response = self._send(request)
        self.answered = True
        body, replaced = repair_text(read_page(response, client.stream))
        if response.status_code == HTTPStatus.NO_CONTENT:
            body = b"{}"
        client.warn_of_replaced(self.request.path, replaced)
        page = decode_page(body, self._rows_at, is_raw=self._is_raw, one_row=self._one_row)
        if not page.has_list:
            self._doubt("Dixa sent a page without a list of rows")
        client.run.report.page(client.stream, page.rows)
        return page

    def _send(self, request: Request) -> Response:
        """Send a request, to ``/beta`` if Dixa has its path there only.

        Dixa's published description is written for ``/beta``; ``/v1`` has the same paths, it says.
        As long as neither has answered, a 404 may be a matter of the row that is asked for.
        """
        client, beta_paths = self.client, self.client.run.beta_paths
        beta = replace(request, path=request.path.replace(_V1, _BETA, 1))
        if beta.path not in beta_paths:
            try:
                return client.send(request)
            except NotFoundError:
                # Another thread may have found the path in the meantime.
                if beta == request or (self.answered and beta.path not in beta_paths):
                    raise
        response = client.send(beta)
        if beta.path not in beta_paths:
            beta_paths.add(beta.path)
            client.log("%s: Dixa has %s under /beta only", client.stream, request.path)
        return response

    def _doubt(self, reason: str) -> None:
        """Warn, once, that a list may not be whole, although it ends."""
        if not self.in_doubt:
            self.in_doubt = True
            self.client.warn(
                "%s: %s: the list may be incomplete, so this run sends no ACTIVATE_VERSION",
                self.client.stream,
                reason,
            )


class ListReader:
    """Reads rows of the Dixa API in batches.

    Args:
        rows: The rows, decoded. They are requested as they are read.
        sources: All that are requested for them. The rows themselves come from the last one.
    """

    def __init__(self, rows: Iterator[Any], sources: Sequence[ListSource]) -> None:
        self._rows = rows
        self._sources = sources

    @property
    def begun(self) -> bool:
        """Whether Dixa has sent any rows, or said that there are none."""
        return self._sources[-1].answered

    def batches(self) -> Iterator[Batch]:
        """Yield the rows, also those that came before a failure."""
        rows: list[Any] = []
        path = self._sources[-1].request.path
        try:
            for row in self._rows:
                rows.append(row)
                if len(rows) == MOST_ROWS:
                    yield Batch(rows, path)
                    rows = []
        except STREAM_FAILURES:
            yield Batch(rows, path)
            raise
        in_doubt = any(source.in_doubt for source in self._sources)
        yield Batch(rows, path, Done(is_whole=not in_doubt))


def as_array(rows: Iterable[bytes | msgspec.Raw]) -> Iterator[bytes]:
    """Write the JSON of rows as one array, a row at a time."""
    separator = b"["
    for row in rows:
        yield separator + bytes(row)
        separator = b","
    yield b"]" if separator == b"," else b"[]"


def is_key(value: object) -> bool:
    """Whether a value can be a part of a primary key."""
    return isinstance(value, str | int) and value != ""


def unusable_key(stream: str, keys: Sequence[str], row: Any) -> UnusableRecordError:
    """Make the error for a row without a usable key."""
    return UnusableRecordError(
        f"{stream}: Dixa sent a row whose {' and '.join(keys)} cannot be used: {shown_value(row)}"
    )

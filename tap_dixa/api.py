"""The streams of the Dixa API: short lists, page by page."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import msgspec
from singer_sdk.pagination import BaseHATEOASPaginator
from typing_extensions import override

from tap_dixa import retries
from tap_dixa.client import DixaStream
from tap_dixa.errors import (
    BadAnswerError,
    ForbiddenError,
    GaveUpError,
    GoneError,
    RefusedError,
    UnusableRecordError,
)
from tap_dixa.shapes import compile_shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from urllib.parse import ParseResult

    import requests
    from singer_sdk.helpers.types import Context, Record

    from tap_dixa.shapes import Shape

_ZONED = re.compile(rb'"(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))\[[\w/+-]+\]"')
"""A time as Dixa's API writes it, ``2021-12-01T12:46:36.581Z[GMT]``: no target reads the name
of the zone."""
_MOST_EMPTY = 100
"""So many pages without a row, each with a link to another, are no list."""


def body_of(response: requests.Response) -> bytes:
    """Give an answer's JSON, its times without the names of zones."""
    return _ZONED.sub(rb'"\1"', response.content)


class Links(BaseHATEOASPaginator):
    """Follows ``meta.next`` from page to page. The last page has none.

    Args:
        stream: The stream's name, for the message.
    """

    def __init__(self, stream: str) -> None:
        super().__init__()
        self._stream = stream
        self._seen: set[str] = set()
        self._empty = 0

    @override
    def get_next_url(self, response: requests.Response) -> str | None:
        meta = msgspec.json.decode(response.content).get("meta") or {}
        link = meta.get("next")
        if not link or link in self._seen:  # in circles: everything has been seen
            return None
        self._seen.add(link)
        return str(link)

    @override
    def continue_if_empty(self, response: requests.Response) -> bool:
        self._empty += 1
        if self._empty > _MOST_EMPTY:
            raise RefusedError(
                f"{self._stream}: Dixa links from one empty page to the next without an end"
            )
        return True


class ApiStream(DixaStream):
    """A stream of the Dixa API, whole at each run.

    A subclass gives its ``name``, ``path``, ``primary_keys`` and the schema file
    ``schemas/NAME.json``.
    """

    rows: ClassVar[Sequence[str]] = ("data",)
    """Where in an answer the rows are."""

    parameters: ClassVar[Mapping[str, str]] = {}
    """What every request asks for besides."""

    _begun = False
    """Whether Dixa has let the token see a part of the stream."""

    @property
    @override
    def is_sorted(self) -> bool:
        return True  # or the SDK warns of every list that it cannot be resumed

    @property
    @override
    def url_base(self) -> str:
        return self.settings.dixa_api_url

    @property
    @override
    def requests_session(self) -> requests.Session:
        return self.tap.api_session

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Yield every row.

        Raises:
            RefusedError: Dixa refuses a request.
            GaveUpError: A request failed again and again.
            UnusableRecordError: A row has no key.
        """
        if self.left_out:
            return
        try:
            for row in self.request_records(context):
                yield self.finish(row, context)
        except GoneError as error:
            if not context:
                raise
            (asked,) = context.items()
            self.log("%s: %s %s has gone meanwhile (%s)", self.name, *asked, error)
        except ForbiddenError as error:
            if self._begun:
                raise  # the rest would be missing without a trace
            self.leave_out(error)

    def finish(self, row: Any, context: Context | None) -> Record:
        """Make a row a record that fits the schema.

        Raises:
            UnusableRecordError: It has no key.
        """
        if isinstance(row, dict):
            record: Record = self.shape({**(context or {}), **row})
            if all(record.get(key) is not None for key in self.primary_keys):
                return record
        raise UnusableRecordError(
            f"{self.name}: Dixa sent a row without {' and '.join(self.primary_keys)}: {row!r:.80}"
        )

    @cached_property
    def shape(self) -> Shape:
        """Makes a row fit the schema, in place."""
        return compile_shape(self.effective_schema, self.report_unknown)

    @override
    def request_records(self, context: Context | None) -> Iterable[Any]:
        try:
            yield from super().request_records(context)
        except retries.RETRIED as error:
            raise GaveUpError(
                f"{self.name}: it could not be read: {retries.describe(error)}"
            ) from error

    @override
    def get_new_paginator(self) -> Links:
        return Links(self.name)

    @override
    def get_url_params(
        self, context: Context | None, next_page_token: ParseResult | None
    ) -> dict[str, Any]:
        # Only a link's query is taken: the token stays with the configured host.
        link = dict(parse_qsl(next_page_token.query)) if next_page_token else {}
        return {**self.parameters, **link}

    @override
    def validate_response(self, response: requests.Response) -> None:
        super().validate_response(response)
        self._begun = True
        self.parse_response(response)  # here, because what it raises is tried again

    @override
    def parse_response(self, response: requests.Response) -> Sequence[Any]:
        """Give a page's rows.

        Raises:
            BadAnswerError: It is no page.
        """
        try:
            answer = msgspec.json.decode(body_of(response))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise BadAnswerError(f"the answer is damaged: {error}") from None
        rows = answer
        for name in self.rows:
            # Dixa's description allows a list without rows to be left out.
            empty = isinstance(rows, dict) and rows.keys() <= {"meta"}
            rows = [] if empty else rows.get(name) if isinstance(rows, dict) else rows
        if not isinstance(rows, list) or not isinstance(answer, dict):
            begins = response.content[:80].decode(errors="replace")
            raise BadAnswerError(f"the answer is not a list: it begins with {begins!r}")
        return rows

    @override
    def _task(self, arguments: Sequence[Any]) -> str:
        task = arguments[0]
        return f"{self.name}, {urlsplit(task.url).path}" if hasattr(task, "url") else str(task)


class MembersStream(ApiStream):
    """A stream that is asked for parent by parent.

    It finds the parents itself, so that it can be selected without them, and says once, after
    the last one, which version of its rows is the newest.
    """

    parent: ClassVar[type[ApiStream]]
    """The stream of the parents."""

    parent_key: ClassVar[str]
    """What a parent's id is called, in the path and in the rows."""

    state_partitioning_keys: ClassVar[list[str]] = []

    @cached_property
    def partitions(self) -> list[dict[str, Any]]:
        """The parents, each as ``{parent_key: id}``."""
        try:
            rows = list(self.parent(self.tap).request_records(None))
        except ForbiddenError as error:
            self.leave_out(error)
            rows = []
        return [{self.parent_key: row["id"]} for row in rows]

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        # Without a parent, the SDK asks for what has none.
        return super().get_records(context) if context else iter(())

"""Pagination: `pageLimit`, `pageKey` and the links from page to page."""

from __future__ import annotations

import base64
import sys
from bisect import bisect_left
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request

from tap_dixa_sandbox.filters import BadQueryError


class Key(msgspec.Struct, frozen=True):
    """Where a page begins, with the rest of its query but `pageLimit`."""

    path: str
    place: int = 0
    """The first row's place in the list. If it was removed, the page begins with the next row."""
    after: int = 0
    before: int = sys.maxsize
    """The interval of the list, in Unix ms."""
    as_of: int = 0
    """When its first page was requested, in Unix ms."""

    def __str__(self) -> str:
        return base64.b64encode(msgspec.json.encode(self)).decode()

    @classmethod
    def read(cls, request: Request, text: str | None = None, **first: int) -> Key:
        """Read the key of a request.

        Args:
            request: The request.
            text: The key, if it is not the query's `pageKey`.
            first: What the key of the first page has, which is requested without one.

        Raises:
            BadQueryError: It is no key of this list.
        """
        path = request.url.path
        if text is None:
            text = request.query_params.get("pageKey")
        if text is None:
            return cls(path, **first)
        with suppress(ValueError, msgspec.MsgspecError):
            key = msgspec.json.decode(base64.b64decode(text, validate=True), type=cls)
            if key.path == path:
                return key
        raise BadQueryError("Invalid value for: query parameter pageKey")


@dataclass(frozen=True, slots=True)
class Paging:
    """How a list is paginated. Dixa's lists differ in this."""

    most: int
    """The largest `pageLimit`."""
    usual: int = 100
    """The `pageLimit` if a request has none."""
    links_whole: bool = False
    """Whether links are URLs; otherwise they are paths."""
    ends_bare: bool = False
    """Whether the last page has no `meta`; otherwise it has one without `next`."""

    def page(
        self,
        request: Request,
        key: Key,
        places: Sequence[int],
        row: Callable[[int], Any],
    ) -> dict[str, Any]:
        """Build a page.

        Args:
            request: The request.
            key: Where it begins.
            places: The places of all rows, in order.
            row: Writes the row at a place.

        Raises:
            BadQueryError: `pageLimit` is no number, or not one between 1 and `most`.
        """
        text = request.query_params.get("pageLimit", str(self.usual))
        if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= self.most):
            raise BadQueryError("Invalid value for: query parameter pageLimit")
        limit = int(text)
        url = str(request.url.replace(query="")) if self.links_whole else request.url.path
        begin = bisect_left(places, key.place)
        end = begin + limit
        page: dict[str, Any] = {"data": [row(place) for place in places[begin:end]]}
        if end < len(places):
            following = msgspec.structs.replace(key, place=places[end])
            query = urlencode({"pageLimit": limit, "pageKey": str(following)})
            page["meta"] = {"next": f"{url}?{query}"}
        elif not self.ends_bare:
            page["meta"] = {}
        return page

    def listed(self, request: Request, key: Key, rows: Sequence[Any]) -> dict[str, Any]:
        """Build a page of rows that are all there.

        Args:
            request: The request.
            key: Where it begins.
            rows: All rows, in order.
        """
        return self.page(request, key, range(len(rows)), rows.__getitem__)

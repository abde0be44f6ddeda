"""Pagination: `pageLimit`, `pageKey` and the links from page to page."""

from __future__ import annotations

import base64
import sys
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from tap_dixa_sandbox.filters import BadQueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.requests import Request


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
    def read(cls, request: Request) -> Key | None:
        """Read the `pageKey` of a request; None if it has none.

        Raises:
            BadQueryError: It is no key of this list.
        """
        if "pageKey" not in request.query_params:
            return None
        return cls.parse(request.query_params["pageKey"], request.url.path)

    @classmethod
    def parse(cls, text: str, path: str) -> Key:
        """Read the text of a key.

        Raises:
            BadQueryError: It is no key of the list at this path.
        """
        try:
            key = msgspec.json.decode(base64.b64decode(text, validate=True), type=cls)
        except (ValueError, msgspec.MsgspecError):
            key = None
        if key is None or key.path != path:
            raise BadQueryError("Invalid value for: query parameter pageKey")
        return key


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
        rows: Callable[[Sequence[int]], list[dict[str, Any]]],
    ) -> dict[str, Any]:
        """Build a page.

        Args:
            request: The request.
            key: Where it begins.
            places: The places of all rows, in order.
            rows: Writes the rows at some of the places.

        Raises:
            BadQueryError: `pageLimit` is no number, or not one between 1 and `most`.
        """
        limit = self._limit(request.query_params)
        url = str(request.url.replace(query="")) if self.links_whole else request.url.path
        begin = bisect_left(places, key.place)
        end = begin + limit
        page: dict[str, Any] = {"data": rows(places[begin:end])}
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

        Raises:
            BadQueryError: As `page` raises it.
        """
        return self.page(
            request, key, range(len(rows)), lambda places: [rows[place] for place in places]
        )

    def _limit(self, query: Mapping[str, str]) -> int:
        text = query.get("pageLimit", str(self.usual))
        if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= self.most):
            raise BadQueryError("Invalid value for: query parameter pageLimit")
        return int(text)

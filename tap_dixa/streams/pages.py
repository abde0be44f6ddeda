"""Pages of the Dixa API: how they are decoded and followed."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urlparse

import msgspec
from singer_sdk.pagination import BaseHATEOASPaginator
from typing_extensions import override

from tap_dixa.errors import BadResponseError, RefusedError, UnusableRecordError
from tap_dixa.log_shapes import shown_text, shown_value
from tap_dixa.output.json_numbers import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import requests

_MOST_REPEATED = 1_000
"""After so many pages and rows in a row that came before, each page with a new link, the list
has no end. Rows without an id may be equal, and an empty page may have a link."""
_PAGE_KEY = "pageKey"
_LINK = re.compile(r"^/(?:v1|beta)/|^\w+:/|\?")
"""What a link has that a key does not have, which is base64."""
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NULL = msgspec.Raw(b"null")
_ROWS = msgspec.json.Decoder(list[msgspec.Raw])


class Page(NamedTuple):
    """A response of a list, decoded."""

    rows: list[Any]
    """Its rows: decoded JSON, or the raw JSON of each one if that is the wanted type."""
    next_link: str | None
    """The link to the next page, if there is one."""
    digest: bytes
    """A digest of the rows' JSON."""
    has_list: bool
    """Whether it has a list of rows at all, if only an empty one."""


class _Meta(msgspec.Struct):
    next: str | None = None


class NextLinkPaginator(BaseHATEOASPaginator):
    """Follows ``meta.next`` from page to page. The last page has none.

    Args:
        stream: The stream's name, for messages.
        page_of: Returns the page that a response was decoded to.
        doubt: Called with a reason why the list may not be whole, although it ends.
    """

    def __init__(
        self,
        stream: str,
        page_of: Callable[[requests.Response], Page],
        doubt: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._stream = stream
        self._page_of = page_of
        self._doubt = doubt
        # A link without a query leads to the first page. Digests, because links may be long.
        self._followed = {_digest(b"")}
        self._pages: set[bytes] = set()
        self._repeated = 0

    @override
    def get_next_url(self, response: requests.Response) -> str | None:
        page = self._page_of(response)
        if not page.next_link:
            return None
        query = _digest(urlparse(page.next_link).query.encode())
        if query in self._followed:
            # Whatever the links lead to was read, and failing would only mean never to sync it.
            self._doubt("the last page links back to one that was read")
            return None
        self._followed.add(query)
        self._repeated = self._repeated + 1 + len(page.rows) if page.digest in self._pages else 0
        self._pages.add(page.digest)
        if self._repeated > _MOST_REPEATED:
            raise RefusedError(
                f"{self._stream}: Dixa sends the same pages again and again, each with a link to "
                "another, so the rest of the list cannot be read"
            )
        return page.next_link

    @override
    def continue_if_empty(self, response: requests.Response) -> bool:
        return True


def decode_page(body: bytes, path: Sequence[str], row_type: Any, *, one_row: bool = False) -> Page:
    """Decode a page.

    Args:
        body: Its JSON.
        path: The names that lead to the rows.
        row_type: `msgspec.Raw` for rows that are not decoded.
        one_row: Whether there is one object in the place of a list of rows.

    Raises:
        BadResponseError: It is none.
        UnusableRecordError: A row is nested too deeply to be decoded.
    """
    has_list = True
    try:
        page = _OBJECT.decode(body)
        meta = msgspec.json.decode(page.get("meta", b"null"), type=_Meta | None)
        parent, content = page, _NULL
        for name in path:
            # Dixa's description allows a list without rows to be omitted.
            if parent.keys() <= {"meta", _PAGE_KEY} or parent.get(name) == _NULL:
                content, has_list = msgspec.Raw(b"[]"), False
                break
            content = parent.get(name, content)
            if name != path[-1]:
                parent = _OBJECT.decode(content)
        if one_row and has_list:
            content = msgspec.Raw(b"[%b]" % bytes(content))
        rows: list[Any] = _ROWS.decode(content)
        if row_type is not msgspec.Raw:
            rows = list(map(decode, rows))
        key = msgspec.json.decode(page.get(_PAGE_KEY, b"null"), type=str | None)
    except RecursionError:
        raise UnusableRecordError("Dixa sent a row that is nested too deeply") from None
    except msgspec.ValidationError:
        raise BadResponseError(
            f"the response is not a page of rows: it is {shown_text(body)}"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadResponseError(f"the response is damaged: {error}") from None
    link = (meta.next if meta else None) or key
    if link and not _LINK.search(link):  # nothing but the key of the next page
        link = f"?{urlencode({_PAGE_KEY: link})}"
    try:
        urlparse(link)
    except ValueError:
        raise BadResponseError(
            f"the response's link to the next page cannot be followed: {shown_value(link)}"
        ) from None
    return Page(rows, link, _digest(bytes(content)), has_list)


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()

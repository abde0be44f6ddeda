"""Pages of the Dixa API: how they are decoded and followed."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlparse

import msgspec

from tap_dixa.errors import BadResponseError, RefusedError, UnusableRecordError
from tap_dixa.log_shapes import shown_text, shown_value
from tap_dixa.records.json_numbers import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    """Its rows: decoded JSON, or the raw JSON of each one."""
    next_link: str | None
    """The link to the next page, if there is one."""
    digest: bytes
    """A digest of the rows' JSON."""
    has_list: bool
    """Whether it has a list of rows at all, if only an empty one."""


class _Meta(msgspec.Struct):
    next: str | None = None


class NextPage:
    """Follows ``meta.next`` from page to page of a list. The last page has none.

    Args:
        stream: The stream's name, for messages.
    """

    def __init__(self, stream: str) -> None:
        self.loops = False
        """Whether the last page links back to one that was read."""
        self._stream = stream
        # A link without a query leads to the first page. Digests, because links may be long.
        self._followed = {_digest(b"")}
        self._pages: set[bytes] = set()
        self._repeated = 0

    def query_after(self, page: Page) -> dict[str, str] | None:
        """Return the query that leads to the page after one; None if that is the last.

        Only a link's query is taken: the token is sent to the configured host only.

        Raises:
            RefusedError: The list has no end.
        """
        if not page.next_link:
            return None
        query = urlparse(page.next_link).query
        digest = _digest(query.encode())
        if digest in self._followed:
            # Whatever the links lead to was read, and failing would only mean never to sync it.
            self.loops = True
            return None
        self._followed.add(digest)
        self._repeated = self._repeated + 1 + len(page.rows) if page.digest in self._pages else 0
        self._pages.add(page.digest)
        if self._repeated > _MOST_REPEATED:
            raise RefusedError(
                f"{self._stream}: Dixa sends the same pages again and again, each with a link to "
                "another, so the rest of the list cannot be read"
            )
        return dict(parse_qsl(query))


def decode_page(
    body: bytes, path: Sequence[str], *, is_raw: bool = False, one_row: bool = False
) -> Page:
    """Decode a page.

    Args:
        body: Its JSON.
        path: The names that lead to the rows.
        is_raw: Whether rows are not decoded.
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
        if not is_raw:
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

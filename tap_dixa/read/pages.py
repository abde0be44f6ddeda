"""Pages of the Dixa API, decoded."""

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlparse

import msgspec

from tap_dixa.errors import BadResponseError, UnusableRecordError
from tap_dixa.log_shapes import shown_text, shown_value
from tap_dixa.records.json_numbers import decode

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
    next_query: str | None
    """The query of the link to the next page; None on the last page.

    The rest of a link is not followed: the token is sent to the configured host only.
    """
    digest: bytes
    """A digest of the rows' JSON."""
    has_list: bool
    """Whether it has a list of rows at all, if only an empty one."""


class _Meta(msgspec.Struct):
    next: str | None = None


def decode_page(
    body: bytes, path: Sequence[str], *, is_raw: bool = False, one_row: bool = False
) -> Page:
    """Decode a page.

    Args:
        body: Its JSON.
        path: The names that lead to the rows. Without any, they are all of the response, or
            where they usually are: Dixa's pages show both for one list.
        is_raw: Whether rows are not decoded.
        one_row: Whether there is one object in the place of a list of rows.
    """
    has_list = True
    if not path:
        path, is_bare = ("data",), body.lstrip().startswith(b"[")
        body = b'{"data":%b}' % body if is_bare else body
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
    digest = blake2b(bytes(content), digest_size=16).digest()
    return Page(rows, _query_of(link) if link else None, digest, has_list)


def _query_of(link: str) -> str:
    """Return the query of a link, or of what may be nothing but the key of the next page."""
    if not _LINK.search(link):
        return urlencode({_PAGE_KEY: link})
    try:
        return urlparse(link).query
    except ValueError:
        raise BadResponseError(
            f"the response's link to the next page cannot be followed: {shown_value(link)}"
        ) from None

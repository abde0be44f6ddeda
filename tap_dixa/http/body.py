"""Read the body of a response: in parts as it arrives, or whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

from tap_dixa.errors import TooMuchError

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_PAGE = 64 << 20
"""A larger page is refused, in bytes, decompressed. The largest of the activity log, of 10,000
entries, has some 20 MB."""

_PART = 1 << 16


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
    """Read a page, and no more of it than memory holds.

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

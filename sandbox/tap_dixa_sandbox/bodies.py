"""The bodies of exports, written a few records at a time."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CHUNK = 1 << 16


def as_json(records: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Write records as one JSON array, a few at a time."""
    encode = msgspec.json.Encoder().encode
    chunk = bytearray(b"[")
    separator = b""
    for record in records:
        chunk += separator
        chunk += encode(record)
        separator = b","
        if len(chunk) >= _CHUNK:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk + b"]")


def squeezed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Compress a body with gzip as it goes."""
    squeeze = zlib.compressobj(level=1, wbits=zlib.MAX_WBITS | 16)
    for chunk in chunks:
        if part := squeeze.compress(chunk):
            yield part
    yield squeeze.flush()

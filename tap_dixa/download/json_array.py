"""Read a JSON array on disk as chunks of whole records that fit into memory, or reject it.

No parser is needed to find where a record ends: a guess is right exactly if what lies before
it, closed with a bracket, is a valid array. So a wrong guess costs time, never a record.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from tap_dixa.errors import BadResponseError, IncompleteResponseError, UnusableRecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK_SIZE = 1 << 18
"""How much of a file is decoded at a time, in bytes, if its records are not longer."""
_LONGEST_RECORD = 1 << 27
"""A record longer than this, in bytes, is taken for damage: memory would not hold it."""
_GUESSES = 32

_WHITESPACE = b" \t\r\n"
_OPEN, _COMMA, _CLOSE = b"[,]"
_RECORDS = msgspec.json.Decoder(list[msgspec.Raw])
_RECORD_START = re.compile(rb'\{\s*"(?:[^"\\]|\\.)*"\s*:\s*.')

_HIGH, _LOW = rb"u[dD][89abAB][0-9a-fA-F]{2}", rb"u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(rb"\\(?:%b\\%b|(%b|%b)|.)" % (_HIGH, _LOW, _HIGH, _LOW), re.DOTALL)
"""Any escape sequence of JSON; the group is a lone surrogate."""
_REPLACEMENT = rb"\ufffd"
_NUL = rb"\u0000"
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
"""What may be U+0000 or a lone surrogate."""
_ESCAPE_OR_NUL = re.compile(rb"\\u0000|" + _ESCAPE.pattern, re.DOTALL)
_BOM = b"\xef\xbb\xbf"


class Chunk(NamedTuple):
    """Consecutive records. It is valid until the next one is read."""

    position: int
    """Where in the file it begins."""
    text: memoryview
    """An array of the records."""
    records: list[msgspec.Raw]
    """Each record's JSON."""


class JsonArray:
    """The records of an array in a file, chunk by chunk, in order.

    Args:
        descriptor: A file that begins with the array, open for reading and writing.
        size: The array's length in bytes.

    Raises:
        BadResponseError: While iterating: the file is not an array, or not a complete one.
        UnusableRecordError: While iterating: a record is nested too deeply to be decoded.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self.replaced = 0
        """How many lone surrogates, such as the first half of an emoji in a text that was cut,
        were replaced by U+FFFD, in the file too. JSON can spell them, but no UTF-8 text and so
        no target can hold them."""

    def __iter__(self) -> Iterator[Chunk]:
        """Read the next chunk."""
        opening = os.pread(self._descriptor, _CHUNK_SIZE, 0)
        array_start = opening.removeprefix(_BOM).lstrip(_WHITESPACE)
        if not array_start:
            raise IncompleteResponseError("the response is incomplete or damaged: it is empty")
        if not array_start.startswith(b"["):
            begins = array_start[:80].decode(errors="replace")
            raise BadResponseError(f"the response is not a JSON array: it begins with {begins!r}")
        first = _RECORD_START.match(array_start[1:].lstrip(_WHITESPACE))
        mark = first.group() if first else b"{"
        # A chunk begins with the array's bracket, or with the comma before its first record,
        # which becomes a bracket, as the comma after its last one does.
        position, buffer = opening.index(b"["), bytearray(_CHUNK_SIZE)
        while True:
            count = os.preadv(self._descriptor, [buffer], position)
            count = min(count, self._size - position)
            buffer[0] = _OPEN
            last = position + count >= self._size
            found = _decode(buffer, count) if last else _longest_array(buffer, count, mark)
            if found is not None:
                yield Chunk(position, *found)
                if last:
                    return
                position += len(found[0]) - 1
                if len(buffer) > _CHUNK_SIZE:
                    buffer = bytearray(_CHUNK_SIZE)
            elif not self._replace_surrogates(buffer, count, position, last=last):
                if last or len(buffer) >= _LONGEST_RECORD:
                    reason = _reason(buffer, count)
                    raise IncompleteResponseError(
                        f"the response is incomplete or damaged: {reason}"
                    )
                # A record longer than the buffer, or one full of braces.
                buffer = bytearray(2 * len(buffer))

    def _replace_surrogates(
        self, buffer: bytearray, count: int, position: int, *, last: bool
    ) -> bool:
        """Replace lone surrogates, and return whether there were any."""
        before = self.replaced
        for escape in _ESCAPE.finditer(buffer, 0, count):
            # The other half may lie behind the end of the buffer.
            if escape.group(1) and (last or escape.end() + len(_REPLACEMENT) <= count):
                os.pwrite(self._descriptor, _REPLACEMENT, position + escape.start())
                self.replaced += 1
        return self.replaced > before


def repair_text(text: bytes) -> tuple[bytes, int]:
    """Replace what no target can store by U+FFFD, in JSON.

    That is bytes that are not UTF-8, lone surrogates, and U+0000, which PostgreSQL rejects.

    Returns:
        The JSON, and how many places were replaced.
    """
    replaced = 0

    def replace(escape: re.Match[bytes]) -> bytes:
        nonlocal replaced
        if escape.group(1) is None and escape.group() != _NUL:
            return escape.group()
        replaced += 1
        return _REPLACEMENT

    text = text.removeprefix(_BOM)
    if _SUSPECT.search(text):
        text = _ESCAPE_OR_NUL.sub(replace, text)
    try:
        if not text.isascii():
            text.decode()
    except UnicodeDecodeError:
        text = text.decode(errors="replace").encode()
        replaced += 1
    return text, replaced


def _decode(buffer: bytearray, end: int) -> tuple[memoryview, list[msgspec.Raw]] | None:
    text = memoryview(buffer)[:end]
    try:
        return text, _RECORDS.decode(text)
    except msgspec.DecodeError:
        return None
    except RecursionError:
        raise UnusableRecordError("Dixa sent a record nested too deeply to be decoded") from None


def _longest_array(
    buffer: bytearray, end: int, mark: bytes
) -> tuple[memoryview, list[msgspec.Raw]] | None:
    for cut in _guesses(buffer, end, mark):
        buffer[cut] = _CLOSE
        if (found := _decode(buffer, cut + 1)) is not None:
            return found
        buffer[cut] = _COMMA
    return None


def _reason(buffer: bytearray, end: int) -> str:
    try:
        _RECORDS.decode(memoryview(buffer)[:end])
    except msgspec.DecodeError as error:
        return str(error)
    return f"no record is as long as {end} bytes"


def _guesses(data: bytearray, end: int, mark: bytes) -> Iterator[int]:
    """Guess at commas between two records of an array, the last ones first.

    Args:
        data: A part of the array that starts with the bracket or comma before a record.
        end: Where the part ends.
        mark: How the array's first record starts. Most serializers start each one like that.
    """
    for sign in (mark, b"{"):
        at = end
        for _ in range(_GUESSES):
            at = data.rfind(sign, 1, at)
            if at < 0:
                break
            before = at - 1
            while before > 0 and data[before] in _WHITESPACE:
                before -= 1
            if before > 0 and data[before] == _COMMA:
                yield before

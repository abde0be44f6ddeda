"""Cut a JSON array on disk into smaller arrays of whole records, or find that it is damaged.

The smaller ones fit into memory.

No parser is needed to find a cut: a guess is right exactly if what lies before it, closed with
a bracket, is a valid array. So a wrong guess costs time, never a record.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from tap_dixa.errors import BadAnswerError, UnusableRecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = 1 << 18
_LARGEST = 1 << 27
"""A record longer than this, in bytes, is taken for damage: memory would not hold it."""
_GUESSES = 32

_WHITESPACE = b" \t\r\n"
_OPEN, _COMMA, _CLOSE = b"[,]"
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_RECORD_START = re.compile(rb'\{\s*"(?:[^"\\]|\\.)*"\s*:\s*.')

_HIGH, _LOW = rb"u[dD][89abAB][0-9a-fA-F]{2}", rb"u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(rb"\\(?:%b\\%b|(%b|%b)|.)" % (_HIGH, _LOW, _HIGH, _LOW), re.DOTALL)
"""Any escape of a JSON text; the group is half of a character, alone."""
_REPLACEMENT = rb"\ufffd"


class Piece(NamedTuple):
    """Some records that follow each other. All of it is good until the next piece is made."""

    position: int
    """Where in the file it begins."""
    text: memoryview
    """An array of the records."""
    items: list[msgspec.Raw]
    """Each record's JSON."""


class Pieces:
    """The pieces of one array, in order.

    Args:
        descriptor: The file that holds the array from its first byte on, open for both ways.
        size: The array's length in bytes.

    Raises:
        BadAnswerError: While iterating: the file is not a complete array.
        UnusableRecordError: While iterating: a record is nested too deeply to be read.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self.mended = 0
        """How many halves of characters (lone surrogates, such as the first half of an emoji in
        a text that was cut) were replaced by U+FFFD, in the file too. JSON can spell them,
        but no UTF-8 text and so no target can hold them."""

    def __iter__(self) -> Iterator[Piece]:
        """Cut."""
        opening = os.pread(self._descriptor, _PIECE, 0)
        array_start = opening.lstrip(_WHITESPACE)
        if not array_start.startswith(b"["):
            begins = array_start[:80].decode(errors="replace")
            raise BadAnswerError(f"the answer is not an export: it begins with {begins!r}")
        first = _RECORD_START.match(array_start[1:].lstrip(_WHITESPACE))
        mark = first.group() if first else b"{"
        # A piece begins with the array's bracket, or with the comma before its first record,
        # which becomes a bracket, as the comma after its last one does.
        position, buffer = opening.index(b"["), bytearray(_PIECE)
        while True:
            count = os.preadv(self._descriptor, [buffer], position)
            count = min(count, self._size - position)
            buffer[0] = _OPEN
            last = position + count >= self._size
            found = _whole(buffer, count) if last else _beginning(buffer, count, mark)
            if found is not None:
                yield Piece(position, *found)
                if last:
                    return
                position += len(found[0]) - 1
                if len(buffer) > _PIECE:
                    buffer = bytearray(_PIECE)
            elif not self._mend(buffer, count, position, last=last):
                if last or len(buffer) >= _LARGEST:
                    why = _why(buffer, count)
                    raise BadAnswerError(f"the answer ends early or is damaged: {why}")
                # A record longer than the buffer, or one full of braces.
                buffer = bytearray(2 * len(buffer))

    def _mend(self, buffer: bytearray, count: int, position: int, *, last: bool) -> bool:
        """Replace halves of characters, and tell whether there were any."""
        before = self.mended
        for escape in _ESCAPE.finditer(buffer, 0, count):
            # The other half may lie behind the end of the buffer.
            if escape.group(1) and (last or escape.end() + len(_REPLACEMENT) <= count):
                os.pwrite(self._descriptor, _REPLACEMENT, position + escape.start())
                self.mended += 1
        return self.mended > before


def _whole(buffer: bytearray, end: int) -> tuple[memoryview, list[msgspec.Raw]] | None:
    text = memoryview(buffer)[:end]
    try:
        return text, _ITEMS.decode(text)
    except msgspec.DecodeError:
        return None
    except RecursionError:
        raise UnusableRecordError("Dixa sent a record nested too deeply to be read") from None


def _beginning(
    buffer: bytearray, end: int, mark: bytes
) -> tuple[memoryview, list[msgspec.Raw]] | None:
    for cut in _guesses(buffer, end, mark):
        buffer[cut] = _CLOSE
        if (found := _whole(buffer, cut + 1)) is not None:
            return found
        buffer[cut] = _COMMA
    return None


def _why(buffer: bytearray, end: int) -> str:
    try:
        _ITEMS.decode(memoryview(buffer)[:end])
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

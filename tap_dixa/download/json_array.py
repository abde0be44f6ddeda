"""Read a JSON array on disk as chunks of whole records that fit into memory, or reject it.

No parser is needed to find where a record ends: a guess is right exactly if what lies before
it, closed with a bracket, is a valid array. So a wrong guess costs time, never a record. Where
all guesses are wrong, a scanner finds the end.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from tap_dixa.download.json_scanner import RecordScanner
from tap_dixa.download.json_text import BOM, ESCAPE, REPLACEMENT, repair_text
from tap_dixa.errors import BadResponseError, IncompleteResponseError, UnusableRecordError
from tap_dixa.log_shapes import shown_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK_SIZE = 1 << 18
"""How much of a file is decoded at a time, in bytes, if its records are not longer."""
_LONGEST_RECORD = 1 << 27
"""A record longer than this, in bytes, is refused: memory would not hold it."""
_GUESSES = 32
_TRUNCATED = "Input data was truncated"
"""What msgspec says of JSON that is valid as far as it goes."""
_SHOWN = 40

_WHITESPACE = b" \t\r\n"
_OPEN, _COMMA, _CLOSE = b"[,]"
_RECORDS = msgspec.json.Decoder(list[msgspec.Raw])
_RECORD_START = re.compile(rb'\s*(\{\s*"(?:[^"\\]|\\.)*"\s*:\s*.)')


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
        chunk_size: How much of the file is decoded at a time, in bytes, if its records are not
            longer.
        longest_record: A record longer than this, in bytes, is refused: memory would not hold it.

    Raises:
        BadResponseError: While iterating: the file is not an array, or not a complete one.
        UnusableRecordError: While iterating: a record is too long, or nested too deeply to be
            decoded.
    """

    def __init__(
        self,
        descriptor: int,
        size: int,
        *,
        chunk_size: int = _CHUNK_SIZE,
        longest_record: int = _LONGEST_RECORD,
    ) -> None:
        self._descriptor = descriptor
        self._size = size
        self._chunk_size = chunk_size
        self._longest_record = longest_record
        self.replaced = 0
        """How many lone surrogates, such as the first half of an emoji in a text that was cut,
        were replaced by U+FFFD, in the file too. JSON can spell them, but no UTF-8 text and so
        no target can hold them."""

    def __iter__(self) -> Iterator[Chunk]:
        """Read the next chunk."""
        position, array_start = self._start()
        mark = _mark(array_start, 1, len(array_start))
        # A chunk begins with the array's bracket, or with the comma before its first record,
        # which becomes a bracket, as the comma after its last one does.
        buffer = bytearray(self._chunk_size)
        scanner: RecordScanner | None = None
        first = True
        while True:
            count = os.preadv(self._descriptor, [buffer], position)
            count = min(count, self._size - position)
            buffer[0] = _OPEN
            whole = last = position + count >= self._size
            next_scanner = None
            if scanner is not None and not last:
                end = scanner.last_end(buffer, count)
                if end is None:
                    buffer = self._larger(buffer, count)
                    continue
                mark = _mark(buffer, end + 1, count)
                if end not in _guesses(buffer, count, mark):
                    next_scanner = RecordScanner()
                buffer[end], count, whole = _CLOSE, end + 1, True
            try:
                found = _decode(buffer, count) if whole else _longest_array(buffer, count, mark)
            except msgspec.DecodeError as error:
                if not self._replace_surrogates(buffer, count, position, whole=whole):
                    raise _damaged(error) from None
                continue
            if found is not None:
                if not (found[1] or (first and last)):
                    # The brackets would hide that one of them is a comma.
                    raise _damaged("a comma without a record")
                yield Chunk(position, *found)
                first = False
                if last:
                    return
                position += len(found[0]) - 1
                scanner = next_scanner
                if len(buffer) > self._chunk_size:
                    buffer = bytearray(self._chunk_size)
            elif not self._replace_surrogates(buffer, count, position, whole=whole):
                # A record longer than the buffer, or one full of braces.
                scanner = RecordScanner()

    def _start(self) -> tuple[int, bytes]:
        """Find where the array starts, and read its beginning."""
        for place in range(0, self._size, self._chunk_size):
            part = os.pread(self._descriptor, self._chunk_size, place)
            begins = (part if place else part.removeprefix(BOM)).lstrip(_WHITESPACE)
            if begins.startswith(b"["):
                return place + len(part) - len(begins), begins
            if begins:
                raise BadResponseError(
                    f"the response is not a JSON array: it is {shown_text(begins)}"
                )
        raise IncompleteResponseError("the response is incomplete or damaged: it is empty")

    def _larger(self, buffer: bytearray, count: int) -> bytearray:
        """Make a larger buffer, for a record that is longer than this one."""
        if len(buffer) < self._longest_record:
            return bytearray(2 * len(buffer))
        text, _ = repair_text(bytes(memoryview(buffer)[:count]))
        flaw = _flaw(text)
        if flaw is not None and _flaw(text + b"0") is not None:  # it may end within a number
            raise _damaged(flaw)
        raise UnusableRecordError(
            f"Dixa sent a record longer than {self._longest_record >> 20} MB, which is more than "
            f"the tap can hold: {shown_text(bytes(buffer[1:_SHOWN]))}"
        )

    def _replace_surrogates(
        self, buffer: bytearray, count: int, position: int, *, whole: bool
    ) -> bool:
        """Replace lone surrogates, and return whether there were any."""
        before = self.replaced
        for escape in ESCAPE.finditer(buffer, 0, count):
            # The other half may lie behind the end of the buffer.
            if escape.group(1) and (whole or escape.end() + len(REPLACEMENT) <= count):
                os.pwrite(self._descriptor, REPLACEMENT, position + escape.start())
                self.replaced += 1
        return self.replaced > before


def _decode(buffer: bytes | bytearray, end: int) -> tuple[memoryview, list[msgspec.Raw]]:
    text = memoryview(buffer)[:end]
    try:
        return text, _RECORDS.decode(text)
    except RecursionError:
        raise UnusableRecordError("Dixa sent a record nested too deeply to be decoded") from None


def _flaw(text: bytes) -> msgspec.DecodeError | None:
    """Say what is wrong with an array, other than that it has no end."""
    try:
        _decode(text, len(text))
    except msgspec.DecodeError as error:
        return None if str(error) == _TRUNCATED else error
    return None


def _longest_array(
    buffer: bytearray, end: int, mark: bytes
) -> tuple[memoryview, list[msgspec.Raw]] | None:
    """Decode as many records as guesses find; None if all of these are wrong."""
    for cut in _guesses(buffer, end, mark):
        buffer[cut] = _CLOSE
        try:
            return _decode(buffer, cut + 1)
        except msgspec.DecodeError:
            buffer[cut] = _COMMA
    return None


def _damaged(reason: msgspec.DecodeError | str) -> IncompleteResponseError:
    return IncompleteResponseError(f"the response is incomplete or damaged: {reason}")


def _mark(data: bytes | bytearray, start: int, end: int) -> bytes:
    """Give how the record that starts after a bracket or a comma starts."""
    record = _RECORD_START.match(data, start, end)
    return record[1] if record else b"{"


def _guesses(data: bytearray, end: int, mark: bytes) -> Iterator[int]:
    """Guess at commas between two records of an array, the last ones first.

    Args:
        data: A part of the array that starts with the bracket or comma before a record.
        end: Where the part ends.
        mark: How a record of the array starts. Most serializers start each one like that.
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

"""Read a JSON array on disk, a few records at a time, and repair what no target can store.

No parser is needed to find where a record ends: a guess is right exactly if what lies before
it, closed with a bracket, is a valid array. So a wrong guess costs time, never a record. Where
all guesses are wrong, the standard library's parser finds the end of one record after the other.
"""

import json
import os
import re
from collections.abc import Iterator
from itertools import islice

import msgspec

from tap_dixa.errors import BadResponseError, IncompleteResponseError, UnusableRecordError
from tap_dixa.log_shapes import shown_text

BOM = b"\xef\xbb\xbf"
"""What some programs put before a text in UTF-8."""
REPLACEMENT = rb"\ufffd"
"""How JSON spells U+FFFD. It is as long as what it replaces."""

_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
"""What may be U+0000 or half a character."""
_HIGH, _LOW = rb"u[dD][89abAB][0-9a-fA-F]{2}", rb"u[dD][c-fC-F][0-9a-fA-F]{2}"
_CUT = rb"%b(?:\\(?:u[0-9a-fA-F]{0,3})?)?\Z" % _HIGH
"""What may be the first half of a character, where JSON is cut."""
_ESCAPE = re.compile(
    rb"\\(?:%b\\%b|%b|(%b|%b|u0000)|.)" % (_HIGH, _LOW, _CUT, _HIGH, _LOW), re.DOTALL
)
"""Any escape sequence of JSON; the group is one that no target can store."""

_GUESSES = 4
"""How often to guess before a chunk is parsed."""
_TRUNCATED = "Input data was truncated"
"""What msgspec says of JSON that is valid as far as it goes."""
_SHOWN = 40

_WHITESPACE = b" \t\r\n"
_OPEN, _COMMA, _CLOSE = b"[,]"
_RECORDS = msgspec.json.Decoder(list[msgspec.Raw])
# Only where a value ends is of interest: nothing of it is kept.
_ANY = json.JSONDecoder(object_pairs_hook=len, parse_float=len, parse_int=len)


class JsonArray:
    """The records of an array in a file, in order: where each lies in the file, and its JSON.

    The JSON is valid until the next record is read.

    Args:
        descriptor: A file that begins with the array, open for reading and writing.
        size: The array's length in bytes.

    Raises:
        BadResponseError: While iterating: the file is not an array, or not a complete one.
        UnusableRecordError: While iterating: a record is too long, or nested too deeply to be
            decoded.
    """

    chunk_size = 1 << 18
    """How much of a file is decoded at a time, in bytes, until a record is longer."""
    longest_record = 1 << 27
    """A record longer than this, in bytes, is refused: memory would not hold it."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self.replaced = 0
        """How many lone surrogates, such as the first half of an emoji in a text that was cut,
        were replaced by U+FFFD, in the file too. JSON can spell them, but no UTF-8 text and so
        no target can hold them."""

    def __iter__(self) -> Iterator[tuple[int, msgspec.Raw]]:
        """Read the file in chunks, and yield the records of each."""
        # A chunk begins with the array's bracket, or with the comma before its first record,
        # which becomes a bracket, as the comma after its last one does.
        position = first = self._start()
        buffer = bytearray(self.chunk_size)
        is_last = False
        while not is_last:
            count = os.preadv(self._descriptor, [buffer], position)
            count = min(count, self._size - position)
            buffer[0] = _OPEN
            is_last = position + count >= self._size
            try:
                records = _decode(buffer, count) if is_last else _whole_records(buffer, count)
            except RecursionError:
                raise UnusableRecordError(
                    "Dixa sent a record nested too deeply to be decoded"
                ) from None
            except msgspec.DecodeError as error:
                surrogates = replace_escapes(buffer, count)
                if not surrogates:
                    raise _damaged(error) from None
                for offset in surrogates:
                    os.pwrite(self._descriptor, REPLACEMENT, position + offset)
                self.replaced += len(surrogates)
                is_last = False
                continue
            if records is None:
                buffer = self._larger(buffer)
                continue
            if not records and not (is_last and position == first):
                # The brackets would hide that one of them is a comma.
                raise _damaged("a comma without a record")
            offset = 0
            for record in records:
                offset = _skip_whitespace(buffer, offset + 1)
                yield position + offset, record
                offset = _skip_whitespace(buffer, offset + len(record))
            position += offset

    def _start(self) -> int:
        """Find where the array starts."""
        beginning = os.pread(self._descriptor, min(self.chunk_size, self._size), 0)
        text = beginning.removeprefix(BOM).lstrip(_WHITESPACE)
        if text.startswith(b"["):
            return len(beginning) - len(text)
        if text:
            raise BadResponseError(f"the response is not a JSON array: it is {shown_text(text)}")
        raise _damaged("it is empty")

    def _larger(self, buffer: bytearray) -> bytearray:
        """Make a larger buffer, for a record that is longer than this one."""
        if len(buffer) < self.longest_record:
            return bytearray(min(2 * len(buffer), self.longest_record))
        raise UnusableRecordError(
            f"Dixa sent a record longer than {self.longest_record >> 20} MB, which is more than "
            f"the tap can hold: {shown_text(bytes(buffer[1:_SHOWN]))}"
        )


def _decode(buffer: bytearray, end: int) -> list[msgspec.Raw]:
    return _RECORDS.decode(memoryview(buffer)[:end])


def _whole_records(buffer: bytearray, count: int) -> list[msgspec.Raw] | None:
    """Decode the whole records in a chunk; None if there are none.

    Raises:
        DecodeError: It is not valid.
    """
    for comma in islice(_guesses(buffer, count), _GUESSES):
        buffer[comma] = _CLOSE
        try:
            return _decode(buffer, comma + 1)
        except msgspec.DecodeError:
            buffer[comma] = _COMMA
    comma = _parse(buffer, count)
    if comma:
        buffer[comma] = _CLOSE
        return _decode(buffer, comma + 1)
    try:
        # As far as a comma: no value is cut there.
        _decode(buffer, buffer.rfind(b",", 0, count) + 1 or 1)
    except msgspec.DecodeError as error:
        if str(error) != _TRUNCATED:
            raise
    return None


def _guesses(buffer: bytearray, count: int) -> Iterator[int]:
    """Guess where the last whole record ends: yield commas that may follow it, the last one first.

    Most serializers begin each record as they begin the first one, and none inside of it.
    """
    start = buffer.find(b"{", 1, count)
    colon = buffer.find(b":", start, count)
    if start < 0 or colon < 0:
        return
    mark = buffer[start : _skip_whitespace(buffer, colon + 1) + 1]
    offset = buffer.rfind(mark, 1, count)
    while offset > 0:
        before = offset - 1
        while before > 0 and buffer[before] in _WHITESPACE:
            before -= 1
        if before > 0 and buffer[before] == _COMMA:
            yield before
        offset = buffer.rfind(mark, 1, offset)


def _parse(buffer: bytearray, count: int) -> int:
    """Find the comma behind the last whole record; 0 if there is none."""
    text = buffer[:count].decode("latin-1")  # an offset in it is one in the buffer
    last_comma = offset = 0
    try:
        while offset == last_comma:
            _, offset = _ANY.raw_decode(text, _skip_whitespace(buffer, offset + 1))
            offset = _skip_whitespace(buffer, offset)
            if offset < count and buffer[offset] == _COMMA:
                last_comma = offset
    except ValueError:
        pass  # what follows is not whole, or not valid
    return last_comma


def _skip_whitespace(buffer: bytearray, offset: int) -> int:
    while offset < len(buffer) and buffer[offset] in _WHITESPACE:
        offset += 1
    return offset


def _damaged(reason: msgspec.DecodeError | str) -> IncompleteResponseError:
    return IncompleteResponseError(f"the response is incomplete or damaged: {reason}")


def repair_text(text: bytes) -> tuple[bytes, int]:
    """Replace what no target can store by U+FFFD, in JSON.

    That is bytes that are not UTF-8, lone surrogates, and U+0000, which PostgreSQL rejects.

    Returns:
        The JSON, and how many places were replaced.
    """
    text = text.removeprefix(BOM)
    replaced = 0
    if _SUSPECT.search(text):
        repaired = bytearray(text)
        replaced = len(replace_escapes(repaired, len(repaired)))
        text = bytes(repaired)
    try:
        if not text.isascii():
            text.decode()
    except UnicodeDecodeError:
        text = text.decode(errors="replace").encode()
        replaced += 1
    return text, replaced


def replace_escapes(text: bytearray, end: int) -> list[int]:
    """Replace escape sequences that no target can store by that of U+FFFD, in JSON.

    Args:
        text: The JSON.
        end: Where it ends, or is cut.

    Returns:
        Where each of them begins.
    """
    offsets = [escape.start() for escape in _ESCAPE.finditer(text, 0, end) if escape[1]]
    for offset in offsets:
        text[offset : offset + len(REPLACEMENT)] = REPLACEMENT
    return offsets

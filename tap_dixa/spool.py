"""One export answer on disk: downloaded whole, then read in cursor order.

An answer of the Exports API is a single JSON array, unsorted and of any size. It goes to an
unlinked temporary file as it arrives, and a second pass, piece by piece, notes where each
record lies, behind the answer in the same file. Nothing is handed out before the array is
known to be complete, and nothing of it stays in memory.
"""

from __future__ import annotations

import os
import re
import tempfile
from array import array
from heapq import merge
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from tap_dixa.errors import BadAnswerError, DiskError, UnusableRecordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_dixa.windows import Window

_PIECE = 1 << 18
_RUN = 1 << 13
_BLOCK = 1 << 9
_NOTE = 3 * array("q").itemsize
_GUESSES = 32

_WHITESPACE = b" \t\r\n"
_OPEN, _COMMA, _CLOSE, _BRACE = b"[,]{"
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_RECORD_START = re.compile(rb'\{\s*"(?:[^"\\]|\\.)*"\s*:\s*.')


class Spool:
    """The records of one answer that lie in one window.

    Args:
        chunks: The answer's bytes as they arrive, already decompressed.
        window: Only records whose cursor lies in it are kept.
        cursor: The field that orders the records, an integer in Unix ms.

    Raises:
        BadAnswerError: The answer is not a complete JSON array.
        UnusableRecordError: A record has no integer for a cursor.
        DiskError: The answer could not be written.
    """

    def __init__(self, chunks: Iterable[bytes], window: Window, cursor: str) -> None:
        self._window = window
        self._cursor = cursor
        self._heads = _heads_decoder(cursor)
        self._count = 0
        self._runs: list[range] = []
        # Unlinked from the start and readable by this user only.
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            self.size = self._write(chunks)
            """The answer's size in bytes, decompressed."""
            self._index()
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        """The number of records in the window."""
        return self._count

    def __iter__(self) -> Iterator[bytes]:
        """Yield each record's JSON, the smallest cursor first."""
        descriptor = self._file.fileno()
        for _, offset, length in merge(*map(self._entries, self._runs)):
            yield os.pread(descriptor, length, offset)

    def close(self) -> None:
        """Give the disk space back."""
        self._file.close()

    def _write(self, chunks: Iterable[bytes]) -> int:
        size = 0
        for chunk in chunks:
            try:
                self._file.write(chunk)
            except OSError as error:
                raise self._no_space(error) from None
            size += len(chunk)
        try:
            self._file.flush()
        except OSError as error:
            raise self._no_space(error) from None
        return size

    @staticmethod
    def _no_space(error: OSError) -> DiskError:
        return DiskError(
            f"an answer could not be written to {tempfile.gettempdir()}: {error.strerror}. "
            "Give TMPDIR a larger disk, or use a smaller window_days"
        )

    def _index(self) -> None:
        """Note every record in the window: its cursor, and where it lies.

        The notes are sorted in runs and appended to the file, to be merged when read: neither
        they nor their sorting need memory that grows with the answer.
        """
        start, end = self._window.start, self._window.end
        notes: list[tuple[int, int, int]] = []
        for position, buffer, cursors, items in self._pieces():
            place = 1
            for cursor, item in zip(cursors, items, strict=True):
                length = len(item)
                if buffer[place] != _BRACE:
                    place = buffer.index(_BRACE, place)
                if start <= cursor < end:
                    notes.append((cursor, position + place, length))
                place += length + 1
            if len(notes) >= _RUN:
                self._append_run(notes)
                notes.clear()
        self._append_run(notes)

    def _append_run(self, notes: list[tuple[int, int, int]]) -> None:
        notes.sort()
        self._runs.append(range(self._count, self._count + len(notes)))
        self._count += len(notes)
        self._write([array("q", chain.from_iterable(notes)).tobytes()])

    def _entries(self, run: range) -> Iterator[tuple[int, int, int]]:
        """Read a run's notes back, a few at a time."""
        for first in run[::_BLOCK]:
            count = min(_BLOCK, run.stop - first)
            place = self.size + first * _NOTE
            numbers = array("q", os.pread(self._file.fileno(), count * _NOTE, place))
            each = iter(numbers)
            yield from zip(each, each, each, strict=True)

    def _cursors(self, piece: memoryview) -> Iterator[int]:
        try:
            return (head.cursor for head in self._heads.decode(piece))
        except msgspec.ValidationError as error:
            message = f"Dixa sent a record without a usable {self._cursor}: {error}"
            raise UnusableRecordError(message) from None

    def _pieces(self) -> Iterator[tuple[int, bytearray, Iterator[int], list[msgspec.Raw]]]:
        """Cut the array into smaller arrays of whole records.

        No parser is needed to find a cut: a guess is right exactly if what lies before it,
        closed with a bracket, is a valid array. So a wrong guess costs time, never a record.

        Yields:
            Where in the file the piece begins, a buffer that begins with it, and its records'
            cursors and JSON. They are good until the next piece is asked for.
        """
        descriptor = self._file.fileno()
        opening = os.pread(descriptor, _PIECE, 0)
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
            count = min(os.preadv(descriptor, [buffer], position), self.size - position)
            buffer[0] = _OPEN
            if position + count >= self.size:
                piece = memoryview(buffer)[:count]
                try:
                    items = _ITEMS.decode(piece)
                except msgspec.DecodeError as error:
                    raise BadAnswerError(f"the answer ends early or is damaged: {error}") from None
                yield position, buffer, self._cursors(piece), items
                return
            for cut in _guesses(buffer, count, mark):
                buffer[cut] = _CLOSE
                piece = memoryview(buffer)[: cut + 1]
                try:
                    items = _ITEMS.decode(piece)
                except msgspec.DecodeError:
                    buffer[cut] = _COMMA
                    continue
                yield position, buffer, self._cursors(piece), items
                position += cut
                break
            else:
                # A record longer than the buffer, or one full of braces.
                buffer = bytearray(2 * len(buffer))


def _heads_decoder(cursor: str) -> msgspec.json.Decoder[list[Any]]:
    """Decode nothing of each record but its cursor."""
    head = msgspec.defstruct("Head", [("cursor", int)], rename={"cursor": cursor})
    return msgspec.json.Decoder(list[head])  # type: ignore[valid-type]


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

"""A response on disk, read in the order of the replication key.

A response of the Exports API is a single JSON array, unsorted and of any size. It is written to
an unlinked temporary file as it arrives, and a second pass, chunk by chunk, indexes where each
record lies, behind the response in the same file. No record is returned before the array is
known to be complete, and nothing of it stays in memory.
"""

from __future__ import annotations

import os
import time
from array import array
from contextlib import suppress
from heapq import merge
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from tap_dixa.cancellation import raise_if_cancelled
from tap_dixa.download.json_array import JsonArray
from tap_dixa.download.temporary_file import disk_error, open_temporary_file
from tap_dixa.download.windows import MARGIN
from tap_dixa.errors import UnusableRecordError
from tap_dixa.log_shapes import shown_text
from tap_dixa.timestamps import DAY, EARLIEST, LATEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_dixa.download.json_array import Chunk
    from tap_dixa.download.windows import Window

    KeyDecoder = msgspec.json.Decoder[list[Any]]
    Order = Literal["ascending", "descending", "unordered"]

_SORTED_RUN = 1 << 13
"""How many index entries are sorted in memory at a time."""
_BLOCK = 1 << 9
_ENTRY = 3 * array("q").itemsize
_UNUSABLE = (msgspec.ValidationError, ValueError, OverflowError)
_BRACE = ord("{")
_FIRST = -(1 << 62)
"""Sorts records from elsewhere before the others: the last one of a window is its newest."""


class Spool:
    """The records of one response that lie in one window.

    Args:
        body: The response's bytes as they arrive, already decompressed.
        window: Records whose replication key lies in another window of the run are dropped: they
            are exported with it.
        key_decoder: Decodes what each record must have: see `key_decoder`.
        parse_time: Converts a replication key that is not Unix ms.

    Raises:
        BadResponseError: The response is not a complete JSON array.
        UnusableRecordError: A record has no usable key or replication key, or is nested too
            deeply to be decoded.
        DiskError: The response could not be written.
    """

    def __init__(
        self,
        body: Iterable[bytes],
        window: Window,
        key_decoder: KeyDecoder,
        parse_time: Callable[[Any], int] = int,
    ) -> None:
        self.window = window
        """The window."""
        self._key_decoder = key_decoder
        self._parse_time = parse_time
        self._count = 0
        self.out_of_place = 0
        """How many records lie outside of all that the run reads."""
        self._runs: list[range] = []
        self._file = open_temporary_file()
        try:
            self.size = self._write(body)
            """The response's size in bytes, decompressed."""
            records = JsonArray(self._file.fileno(), self.size)
            self._index(records)
            self.replaced = records.replaced
            """How many characters were replaced: see `JsonArray.replaced`."""
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        """The number of records in the window."""
        return self._count

    def records(self) -> Iterator[tuple[int, bytes]]:
        """Yield each record's replication key, in Unix ms, and its JSON, in this order.

        Records from outside of all that the run reads come first, with a key before the window.
        """
        descriptor = self._file.fileno()
        for cursor, offset, length in self._entries():
            yield cursor, os.pread(descriptor, length, offset)

    def order(self) -> Order | None:
        """Determine how the response orders the window's records by their replication key.

        Returns:
            None if there are no two records of different times.
        """
        found = [(offset, cursor) for cursor, offset, _ in self._entries() if cursor != _FIRST]
        cursors = [cursor for _, cursor in sorted(found)]
        if len(set(cursors)) <= 1:
            return None
        if cursors == sorted(cursors):
            return "ascending"
        return "descending" if cursors == sorted(cursors, reverse=True) else "unordered"

    def close(self) -> None:
        """Free the disk space."""
        # What could not be written is still in a buffer: closing tries it again.
        with suppress(OSError):
            self._file.close()

    def _write(self, body: Iterable[bytes]) -> int:
        size = 0
        for block in body:
            raise_if_cancelled()
            try:
                self._file.write(block)
            except OSError as error:
                raise disk_error(error) from None
            size += len(block)
        try:
            self._file.flush()
        except OSError as error:
            raise disk_error(error) from None
        return size

    def _index(self, records: JsonArray) -> None:
        """Index every record in the window: its replication key, and where it lies.

        Entries are sorted in runs and appended to the file, to be merged when read: neither
        they nor their sorting need memory that grows with the response.
        """
        start, end = self.window.start, self.window.end
        # A record from another window of this run, from the margin or from after the run is read
        # there, or was. The activity log is asked for whole seconds, so for another one more.
        earliest = start if self.window.earliest is None else self.window.earliest
        elsewhere = range(earliest - 2 * MARGIN, time.time_ns() // 1_000_000 + DAY)
        entries: list[tuple[int, int, int]] = []
        for chunk in records:
            offset = 1
            for cursor, record in zip(self._cursors(chunk), chunk.records, strict=True):
                length = len(record)
                while chunk.text[offset] != _BRACE:
                    offset += 1
                if start <= cursor < end:
                    entries.append((cursor, chunk.position + offset, length))
                elif cursor not in elsewhere:
                    if not EARLIEST <= cursor <= LATEST:
                        raise UnusableRecordError(
                            "Dixa sent a record whose replication key is not a valid timestamp, "
                            f"{cursor!s:.30} (Unix ms): {shown_text(bytes(record))}"
                        )
                    entries.append((_FIRST, chunk.position + offset, length))
                    self.out_of_place += 1
                offset += length + 1
            if len(entries) >= _SORTED_RUN:
                self._append_run(entries)
                entries.clear()
        self._append_run(entries)

    def _append_run(self, entries: list[tuple[int, int, int]]) -> None:
        entries.sort()
        self._runs.append(range(self._count, self._count + len(entries)))
        self._count += len(entries)
        self._write([array("q", chain.from_iterable(entries)).tobytes()])

    def _entries(self) -> Iterator[tuple[int, int, int]]:
        """Read the index: replication key, offset and length of each record, in order."""
        return merge(*map(self._read_run, self._runs))

    def _read_run(self, run: range) -> Iterator[tuple[int, int, int]]:
        """Read a run back, a few entries at a time."""
        for first in run[::_BLOCK]:
            count = min(_BLOCK, run.stop - first)
            offset = self.size + first * _ENTRY
            numbers = iter(array("q", os.pread(self._file.fileno(), count * _ENTRY, offset)))
            yield from zip(numbers, numbers, numbers, strict=True)

    def _cursors(self, chunk: Chunk) -> list[int]:
        """Decode the replication key of each record, in Unix ms, and check the primary key."""
        try:
            return self._decode(chunk.text)
        except _UNUSABLE:
            for record in map(bytes, chunk.records):
                try:
                    self._decode(b"[%b]" % record)
                except _UNUSABLE as error:
                    reason = str(error).replace("$[0]", "$")
                    raise UnusableRecordError(
                        f"Dixa sent a record that cannot be used: {reason}: {shown_text(record)}"
                    ) from None
            raise

    def _decode(self, records: bytes | memoryview) -> list[int]:
        parse = self._parse_time
        return [parse(key.cursor) for key in self._key_decoder.decode(records)]


def key_decoder(cursor: str, keys: Mapping[str, type], kind: type = int) -> KeyDecoder:
    """Build a decoder of the keys of records.

    Args:
        cursor: The field that records are ordered by.
        keys: The fields that identify a record, and the type of each.
        kind: The type of ``cursor``; an integer is Unix ms.
    """
    names = [cursor, *keys]
    attributes = ["cursor", *(f"key_{number}" for number in range(len(keys)))]
    structure = msgspec.defstruct(
        "Keys",
        list(zip(attributes, [kind, *keys.values()], strict=True)),
        rename=dict(zip(attributes, names, strict=True)),
        gc=False,
    )
    return msgspec.json.Decoder(list[structure])  # type: ignore[valid-type]

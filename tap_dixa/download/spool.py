"""A response on disk, read in the order of the replication key.

A response of the Exports API is a single JSON array, unsorted and of any size. It is written to
an unlinked temporary file as it arrives, and a second pass, chunk by chunk, indexes where each
record lies, behind the response in the same file. No record is returned before the array is
known to be complete, and nothing of it stays in memory.
"""

import os
import tempfile
import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from heapq import merge
from itertools import chain
from typing import IO, Any, Literal

import msgspec

from tap_dixa.download.json_array import JsonArray, repair_text
from tap_dixa.download.windows import MARGIN, Window
from tap_dixa.errors import DiskError, UnusableRecordError
from tap_dixa.log_shapes import shown_text
from tap_dixa.prefetch import raise_if_cancelled
from tap_dixa.timestamps import DAY, EARLIEST, LATEST

KeyDecoder = msgspec.json.Decoder[Any]
Order = Literal["ascending", "descending", "unordered"]

_SORTED_RUN = 1 << 13
"""How many index entries are sorted in memory at a time."""
_BLOCK = 1 << 9
_ENTRY = 3 * array("q").itemsize
_UNUSABLE = (msgspec.ValidationError, ValueError, OverflowError)
_FIRST = -(1 << 62)
"""Sorts records that are out of place before the others: the last one of a window is its newest."""


class Spool:
    """The records of one response that are emitted with one window.

    Args:
        body: The response's bytes as they arrive, already decompressed.
        window: Records that another window of the run exports, or a later run, are dropped.
        key_decoder: Decodes what each record must have: see `key_decoder`.

    Raises:
        BadResponseError: The response is not a complete JSON array.
        UnusableRecordError: A record has no usable key or replication key, or is nested too
            deeply to be decoded.
        DiskError: The response could not be written.
    """

    def __init__(self, body: Iterable[bytes], window: Window, key_decoder: KeyDecoder) -> None:
        self.window = window
        """The window."""
        self._key_decoder = key_decoder
        self.out_of_place = 0
        """How many records lie outside of all that the run reads."""
        self._runs: list[range] = []
        self._file = _temporary_file()
        try:
            self.size = self._write(body)
            """The response's size in bytes, decompressed."""
            records = JsonArray(self._file.fileno(), self.size)
            self._index(records)
            self._replaced_on_disk = self.replaced = records.replaced
            """How many characters that no target can store were replaced, so far."""
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        """The number of records, those that are out of place too."""
        return self._runs[-1].stop if self._runs else 0

    def records(self) -> Iterator[tuple[int, bytes]]:
        """Yield each record's replication key, in Unix ms, and its JSON, in this order.

        Records from outside of all that the run reads come first, with a key before the window.
        """
        descriptor = self._file.fileno()
        self.replaced = self._replaced_on_disk
        for cursor, offset, length in self._entries():
            text, replaced = repair_text(os.pread(descriptor, length, offset))
            self.replaced += replaced
            yield cursor, text

    def received_order(self) -> Order | None:
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
            with _disk_errors():
                self._file.write(block)
            size += len(block)
        with _disk_errors():
            self._file.flush()
        return size

    def _index(self, records: JsonArray) -> None:
        """Index every record in the window: its replication key, and where it lies.

        Entries are sorted in runs and appended to the file, to be merged when read: so memory
        does not grow with the response.
        """
        start, end = self.window.start, self.window.end
        # What lies in another window, in the margin or after the run is read by another request.
        # The activity log is asked for whole seconds, so for another one more.
        earliest = start if self.window.earliest is None else self.window.earliest
        read_by_others = range(earliest - 2 * MARGIN, time.time_ns() // 1_000_000 + DAY)
        entries: list[tuple[int, int, int]] = []
        for offset, record in records:
            cursor = self._cursor(record)
            if not start <= cursor < end:
                if cursor in read_by_others:
                    continue
                cursor = _FIRST
                self.out_of_place += 1
            entries.append((cursor, offset, len(record)))
            if len(entries) == _SORTED_RUN:
                self._append_run(entries)
                entries.clear()
        self._append_run(entries)

    def _cursor(self, record: msgspec.Raw) -> int:
        """Decode the replication key of a record, in Unix ms, and check the primary key."""
        try:
            cursor: int = self._key_decoder.decode(record).cursor
        except _UNUSABLE as error:
            raise UnusableRecordError(
                f"Dixa sent a record that cannot be used: {error}: {shown_text(bytes(record))}"
            ) from None
        if EARLIEST <= cursor <= LATEST:
            return cursor
        raise UnusableRecordError(
            "Dixa sent a record whose replication key is not a valid timestamp, "
            f"{cursor!s:.30} (Unix ms): {shown_text(bytes(record))}"
        )

    def _append_run(self, entries: list[tuple[int, int, int]]) -> None:
        entries.sort()
        self._runs.append(range(len(self), len(self) + len(entries)))
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


def _temporary_file() -> IO[bytes]:
    """Open a file for a response: unlinked from the start, and readable by this user only."""
    with _disk_errors():
        return tempfile.TemporaryFile()


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DiskError.of(error) from None


def key_decoder(
    cursor: str, keys: Mapping[str, type], parse_time: Callable[[str], int] | None = None
) -> KeyDecoder:
    """Build a decoder of the keys of a record.

    Args:
        cursor: The field that records are ordered by.
        keys: The fields that identify a record, and the type of each.
        parse_time: Converts a text in ``cursor`` to Unix ms; None if it holds an integer.
    """
    kind: type = int
    namespace = {}
    if parse_time is not None:
        kind = str

        def convert(key: Any) -> None:
            key.cursor = parse_time(key.cursor)

        namespace["__post_init__"] = convert
    structure = msgspec.defstruct(
        "Keys",
        [("cursor", kind), *keys.items()],
        rename={"cursor": cursor},
        namespace=namespace,
        gc=False,
    )
    return msgspec.json.Decoder(structure)

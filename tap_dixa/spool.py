"""One export answer on disk: downloaded whole, then read in cursor order.

An answer of the Exports API is a single JSON array, unsorted and of any size. It goes to an
unlinked temporary file as it arrives, and a second pass, piece by piece, notes where each
record lies, behind the answer in the same file. Nothing is handed out before the array is
known to be complete, and nothing of it stays in memory.
"""

from __future__ import annotations

import os
import tempfile
import time
from array import array
from contextlib import suppress
from heapq import merge
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from tap_dixa.errors import DiskError, UnusableRecordError
from tap_dixa.pieces import Pieces
from tap_dixa.windows import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_dixa.pieces import Piece
    from tap_dixa.windows import Window

    HeadsDecoder = msgspec.json.Decoder[list[Any]]

_RUN = 1 << 13
_BLOCK = 1 << 9
_NOTE = 3 * array("q").itemsize
_SHOWN = 40
_UNUSABLE = (msgspec.ValidationError, ValueError, OverflowError)
_BRACE = ord("{")


class Spool:
    """The records of one answer that lie in one window.

    Args:
        chunks: The answer's bytes as they arrive, already decompressed.
        window: Only records whose cursor lies in it are kept.
        heads: Reads what each record must have: see `heads_decoder`.
        moment: Makes Unix ms of a cursor that is none.

    Raises:
        BadAnswerError: The answer is not a complete JSON array.
        UnusableRecordError: A record has no usable cursor or key, or a cursor that cannot be
            an answer to this request, or is nested too deeply to be read.
        DiskError: The answer could not be written.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        window: Window,
        heads: HeadsDecoder,
        moment: Callable[[Any], int] | None = None,
    ) -> None:
        self._window = window
        self._heads = heads
        self._moment = moment
        self._count = 0
        self._runs: list[range] = []
        # Unlinked from the start and readable by this user only.
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            self.size = self._write(chunks)
            """The answer's size in bytes, decompressed."""
            pieces = Pieces(self._file.fileno(), self.size)
            self._index(pieces)
            self.mended = pieces.mended
            """How many halves of characters were replaced: see `Pieces`."""
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
        # What could not be written is still in a buffer: closing tries it again.
        with suppress(OSError):
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

    def _index(self, pieces: Pieces) -> None:
        """Note every record in the window: its cursor, and where it lies.

        The notes are sorted in runs and appended to the file, to be merged when read: neither
        they nor their sorting need memory that grows with the answer.
        """
        start, end = self._window.start, self._window.end
        # A filter may be rounded to days, and a conversation may change while it is exported.
        plausible = range(start - DAY, time.time_ns() // 1_000_000 + DAY)
        notes: list[tuple[int, int, int]] = []
        for piece in pieces:
            place = 1
            for cursor, item in zip(self._heads_of(piece), piece.items, strict=True):
                length = len(item)
                while piece.text[place] != _BRACE:
                    place += 1
                if start <= cursor < end:
                    notes.append((cursor, piece.position + place, length))
                elif cursor not in plausible:
                    raise UnusableRecordError(
                        f"Dixa sent a record of another time, {cursor} (Unix ms), which "
                        f"would be lost: {show(bytes(item))}"
                    )
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

    def _heads_of(self, piece: Piece) -> Iterator[int]:
        try:
            heads = self._heads.decode(piece.text)
            if self._moment is None:
                return (head.cursor for head in heads)
            return iter([self._moment(head.cursor) for head in heads])
        except _UNUSABLE:
            for item in piece.items:
                self._check(bytes(item))
            raise

    def _check(self, record: bytes) -> None:
        try:
            (head,) = self._heads.decode(b"[%b]" % record)
            if self._moment is not None:
                self._moment(head.cursor)
        except _UNUSABLE as error:
            reason = str(error).replace("$[0]", "$")
            raise UnusableRecordError(
                f"Dixa sent a record that cannot be used: {reason}: {show(record)}"
            ) from None


def heads_decoder(cursor: str, keys: Mapping[str, type], kind: type = int) -> HeadsDecoder:
    """Build what decodes nothing of each record but what it must have.

    Args:
        cursor: The field that orders the records.
        keys: The fields that identify a record, and the type of each.
        kind: The cursor's own type; an integer is Unix ms.
    """
    names = [cursor, *keys]
    places = ["cursor", *(f"key_{place}" for place in range(len(keys)))]
    head = msgspec.defstruct(
        "Head",
        list(zip(places, [kind, *keys.values()], strict=True)),
        rename=dict(zip(places, names, strict=True)),
        gc=False,
    )
    return msgspec.json.Decoder(list[head])  # type: ignore[valid-type]


def show(record: bytes) -> str:
    """Give enough of a record's JSON to find it by, for a message."""
    return repr(record[:_SHOWN].decode(errors="replace"))

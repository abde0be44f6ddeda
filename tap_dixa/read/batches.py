"""What a reader hands to the writer."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import msgspec

from tap_dixa.errors import UnusableRecordError
from tap_dixa.log_shapes import shown_text

_Decoded = TypeVar("_Decoded")

MOST_ROWS = 20
"""How many records a batch has at most: few enough to stay in the processor's cache. The rows of
one conversation are one batch, however many they are."""
_LARGEST = 1 << 20
"""How long the JSON of a batch's rows is at most, in bytes, unless it is a single row."""
_NOT_DECODABLE = (msgspec.DecodeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class Done:
    """What the state may say once the rows of a batch have been emitted."""

    bookmark: str | None = None
    """The replication key up to which all records were emitted. The bookmark never moves back."""
    context: Mapping[str, str] | None = None
    """The partition whose bookmark it is, if the stream has partitions."""
    state: Mapping[str, Any] = field(default_factory=dict)
    """Other entries of the stream's state."""
    is_worth_a_message: bool = False
    """Whether a STATE message follows. Otherwise one comes after some more records."""
    is_whole: bool = False
    """Whether every record that Dixa has was surely read. A target may delete all others.

    That is true of a list that has ended only. A stream that is read by time never is whole: what
    lies before start_date was not read.
    """


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows as Dixa sent them, and what may be said once they have been emitted."""

    rows: list[Any]
    """JSON, or what it was decoded to."""
    origin: object
    """The window, or the path, that they are from, for messages."""
    done: Done = Done()


class Reader(Protocol):
    """Reads what Dixa has of a stream, in order.

    Whoever asks for the next batch has emitted the one before: see `Writer`.
    """

    @property
    def begun(self) -> bool:
        """Whether Dixa has sent anything. A stream is skipped only before that."""

    def batches(self) -> Iterator[Batch]:
        """Yield what there is. If the stream cannot be read on, raise one of `STREAM_FAILURES`."""


def grouped(records: Iterable[tuple[int, bytes]]) -> Iterator[tuple[list[bytes], int]]:
    """Group the JSON of records, and yield each group with the time of its last record."""
    rows: list[bytes] = []
    size = last = 0
    for last, text in records:
        rows.append(text)
        size += len(text)
        if len(rows) == MOST_ROWS or size >= _LARGEST:
            yield rows, last
            rows, size = [], 0
    if rows:
        yield rows, last


def decode_row(
    decode: Callable[[Any], _Decoded], row: Any, stream: str, origin: object
) -> _Decoded:
    """Decode a stream's row. If that is impossible, an error names where it is from."""
    try:
        return decode(row)
    except _NOT_DECODABLE as error:
        raise UnusableRecordError(
            f"{stream}: {origin}: a record cannot be decoded: {error}: {shown_text(row)}"
        ) from None

"""The fast path: records written many at a time, past the SDK's loop.

For every record the SDK walks over the selection, conforms types, applies stream maps, looks
for child streams, builds a message with a timestamp of its own and flushes it. The records
here already conform, and most catalogs and settings leave nothing else to do. This module is
the only place that takes the fast path, and only then; whatever needs more takes the SDK's
path. Tests compare the messages of both.
"""

from __future__ import annotations

from abc import abstractmethod
from copy import deepcopy
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from singer_sdk.streams import Stream
from typing_extensions import override

from tap_dixa.errors import STREAM_FAILURES
from tap_dixa.output.batch import batch_record, write_batches
from tap_dixa.output.compiled import Encodable, value_of
from tap_dixa.output.stdout import StdoutWriter

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.mapper import StreamMap

_CHUNK = 20
"""How many records are written at a time: few enough to stay in the processor's cache. It
divides STATE_MSG_FREQUENCY, so that STATE messages come where the SDK writes them."""


def read_records(stream_maps: Iterable[StreamMap]) -> bool:
    """Whether one of the stream maps reads or changes records."""
    return any(type(stream_map) is not SameRecordTransform for stream_map in stream_maps)


class FastPathStream(Stream):
    """A stream whose records are in order, and written many at a time if nothing changes them."""

    STATE_MSG_FREQUENCY = 100
    """How many records lie between two STATE messages at most. A run that is killed repeats
    no more than that; a lower number would cost time."""

    # Normalized records conform already: a second walk over each one would change nothing.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    bookmark_range: tuple[str, str] | None = None
    """The values of the replication key that may become the bookmark: those that this run
    requested, from and to. Dixa may send records from elsewhere."""

    @abstractmethod
    def get_encodable_records(self, context: Context | None) -> Iterator[Encodable | None]:
        """Yield the records of `get_records` in order, and None where that writes the state.

        On the fast path they are what msgspec encodes as these records.
        """

    @property
    @override
    def is_sorted(self) -> bool:
        return True

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """Set no upper limit to the bookmark: in order, it never passes what was emitted."""

    def on_fast_path(self) -> bool:
        """Whether records are emitted just as `get_records` yields them."""
        maps = self.stream_maps
        return (
            len(maps) == 1
            and not read_records(maps)
            and not maps[0].flattening_enabled
            and all(self.mask.values())
            and not self.child_streams
            and self.replication_method == REPLICATION_INCREMENTAL
            and self.ABORT_AT_RECORD_COUNT is None  # which only the SDK's path counts to
        )

    def write_state(self) -> None:
        """Write a STATE message, if anything changed since the last one."""
        # The SDK only writes one after a record; a bookmark may move without any.
        self.state_manager.is_flushed = False
        self._write_state_message()

    def advance_bookmark(self, value: str, context: Context | None = None) -> None:
        """Move the bookmark.

        Args:
            value: A value of the replication key. An older one than the bookmark is ignored.
            context: The partition whose bookmark it is, if the stream has partitions.
        """
        self._increment_stream_state({str(self.replication_key): value}, context=context)

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        # The lookback's records are older than the bookmark. The SDK would take them for a
        # broken order; they must neither stop the run nor move the bookmark back.
        bookmark = self.get_context_state(context).get("replication_key_value")
        value = latest_record[str(self.replication_key)]
        first, last = self.bookmark_range or (value, value)
        if first <= value <= last and (bookmark is None or value >= bookmark):
            super()._increment_stream_state(latest_record, context=context)

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        writer = self._tap.message_writer
        if not (write_messages and self.on_fast_path() and isinstance(writer, StdoutWriter)):
            yield from super()._sync_records(context, write_messages=write_messages)
            return
        for partition in self._contexts(context):
            self._write_starting_replication_value(partition)
            encodable = self.get_encodable_records(partition)
            for records in self._chunks(encodable, partition, _CHUNK):
                if records:
                    writer.write_records(self.name, records)
                else:
                    self.write_state()
        self._write_state_message()

    def _contexts(self, context: Context | None) -> Sequence[Context | None]:
        """Return what to sync, as the SDK does: a context, all partitions, or the whole stream."""
        if context is not None:
            return [context]
        partitions: Sequence[Context | None] | None = self.partitions
        return partitions or [None]

    @override
    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        """Write BATCH files of the records as they would be emitted, stream maps applied."""
        encode = msgspec.json.Encoder().encode_lines
        fast = self.on_fast_path()
        size = min(_CHUNK, batch_config.batch_size)
        state = self.stream_state
        announced = deepcopy(state)
        is_file_open = False  # whether a file has records and is not announced

        def chunks() -> Iterator[list[Encodable]]:
            nonlocal announced, is_file_open
            for partition in self._contexts(context):
                self._write_starting_replication_value(partition)
                records = self.get_encodable_records(partition)
                for chunk in self._chunks(records, partition, size):
                    if chunk:
                        yield chunk
                        is_file_open = True
                    elif not is_file_open:
                        self.write_state()
                        announced = deepcopy(state)

        def to_lines(chunk: list[Encodable]) -> bytes:
            return encode(chunk if fast else self._mapped(chunk))

        failures: list[Exception] = []
        readable = _until_failure(chunks(), failures)
        try:
            for url in write_batches(
                readable, to_lines, batch_config, f"{self.tap_name}--{self.name}"
            ):
                yield batch_config.encoding, [url]
                announced, is_file_open = deepcopy(state), False
        except Exception:
            # The bookmark already includes records of the file that was not finished.
            state.clear()
            state.update(announced)
            raise
        if failures:
            raise failures[0]

    def _mapped(self, records: list[Record]) -> list[Record]:
        return [
            batch_record(message)
            for record in records
            for message in self._generate_record_messages(record)
        ]

    def _chunks(
        self,
        records: Iterable[Encodable | None],
        context: Context | None,
        size: int,
    ) -> Iterator[list[Encodable]]:
        """Yield a few records at a time, with the SDK's metrics and state.

        When the next chunk is asked for, the one before it counts as emitted. An empty one comes
        where the SDK and `get_records` write the state: it includes all records so far.

        Args:
            records: As `get_encodable_records` yields them.
            context: The partition that they are of, if the stream has partitions.
            size: How many a chunk holds at most. It divides STATE_MSG_FREQUENCY, or the state is
                not written each time that so many records were emitted.
        """
        with self.get_record_counter() as counter, self.get_sync_timer() as timer:
            counter.with_context(context or {})
            timer.with_context(context or {})
            chunk: list[Encodable] = []
            emitted, room = 0, size
            for record in chain(records, (None,)):
                if record is not None:
                    chunk.append(record)
                    if len(chunk) < room:
                        continue
                if chunk:
                    yield chunk
                    emitted += len(chunk)
                    counter.increment(len(chunk))
                    newest = value_of(chunk[-1], str(self.replication_key))
                    self.advance_bookmark(newest, context)
                    chunk, room = [], size - emitted % size
                    if emitted % self.STATE_MSG_FREQUENCY == 0:
                        yield []
                if record is None:
                    yield []
        self._finalize_state(self.get_context_state(context))


def _until_failure(
    chunks: Iterable[list[Encodable]], failures: list[Exception]
) -> Iterator[list[Encodable]]:
    """Yield what was read before the stream failed, and note the failure.

    The file that it is in is then announced before the stream fails. Of a stream's record types,
    those that did not fail would otherwise be read anew in each run.
    """
    try:
        yield from chunks
    except STREAM_FAILURES as failure:
        failures.append(failure)

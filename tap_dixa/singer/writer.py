"""Emit batches, and move the state behind them.

For every record the SDK walks over the selection, conforms types, applies stream maps, looks for
child streams, builds a message with a timestamp of its own and flushes it. The records here already
conform, and most catalogs and settings leave nothing else to do: then they take the fast path, past
the SDK's loop, many at a time. Whatever needs more takes the SDK's path. Tests compare both.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any, cast

from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig
from singer_sdk.helpers.types import Record
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from singer_sdk.streams import Stream
from singer_sdk.tap_base import Tap

from tap_dixa.errors import STREAM_FAILURES
from tap_dixa.known_faults import REVISION
from tap_dixa.read.batches import MOST_ROWS, Batch, Done, decode_row
from tap_dixa.records.compiled import Encodable
from tap_dixa.singer.batch_files import write_files
from tap_dixa.singer.stdout import StdoutWriter
from tap_dixa.singer.stream_maps import change_records

Conversion = Callable[[Any], Encodable]
"""Makes a record of a row."""

_STATE_FREQUENCY = 100
"""How many records lie between two STATE messages at most, unless one conversation has more rows. A
lower number would cost time."""


class Writer:
    """Emits the batches of one stream of a tap."""

    def __init__(self, stream: Stream, tap: Tap) -> None:
        self._stream = stream
        self._output = tap.message_writer
        self._states = tap.state_writer
        self._emitted = 0
        """How many records were emitted since the last STATE message."""
        self._is_file_open = False
        """Whether a BATCH file has records and is not announced."""
        self.records = 0
        """How many records were emitted."""
        self._in_files = 0
        """How many of them are in BATCH files."""
        self.is_whole = False
        """Whether every record that Dixa has was surely emitted: see `Done`."""
        self._announced: tuple[dict[str, Any], int] | None = None
        """The state, and how many records there were, when the last BATCH file was announced."""
        self._failure: Exception | None = None
        """Why the stream failed. What its BATCH file holds is announced first."""

    @property
    def is_fast(self) -> bool:
        """Whether records are emitted just as they are normalized."""
        stream = self._stream
        maps = stream.stream_maps
        return (
            len(maps) == 1
            and not change_records(maps)
            and not maps[0].flattening_enabled
            and all(stream.mask.values())
            and stream.replication_method == REPLICATION_INCREMENTAL
            and not self._is_test  # which only the SDK's path counts records for
            and isinstance(self._output, StdoutWriter)
        )

    @property
    def _is_test(self) -> bool:
        return self._stream.ABORT_AT_RECORD_COUNT is not None

    def write(self, batches: Iterator[Batch], conversion: Conversion) -> None:
        """Write RECORD messages, on the fast path."""
        stdout = cast("StdoutWriter", self._output)
        with self._stream.get_record_counter() as counter, self._stream.get_sync_timer():
            for batch in self._in_turn(batches):
                if batch.rows:
                    stdout.write_records(self._stream.name, self._records(batch, conversion))
                    counter.increment(len(batch.rows))
                    self.records += len(batch.rows)

    def dictionaries(
        self, batches: Iterator[Batch], conversion: Callable[[Any], Record]
    ) -> Iterator[Record]:
        """Yield records for the SDK's loop, which emits each before it asks for the next one."""
        for batch in self._in_turn(batches):
            for row in batch.rows:
                yield decode_row(conversion, row, self._stream.name, batch.origin)

    def files(
        self,
        batches: Iterator[Batch],
        config: BatchConfig,
        conversion: Conversion,
        mapped: Callable[[list[Any]], list[Record]] | None,
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        """Write BATCH files of the records as they would be emitted.

        A file that a failure finds open is announced before the stream fails. Of a stream's record
        types, those that did not fail would otherwise be read anew in each run.
        """
        stream, state = self._stream, self._stream.stream_state
        self._announced = deepcopy(state), self._in_files
        chunks = self._chunks(batches, config.batch_size, conversion, mapped)
        try:
            for url in write_files(chunks, config, f"{stream.tap_name}--{stream.name}"):
                yield config.encoding, [url]
                self._announced, self._is_file_open = (deepcopy(state), self._in_files), False
        except Exception:
            self.forget_unannounced()
            raise
        self._announced = None
        if self._failure is not None:
            raise self._failure

    def forget_unannounced(self) -> None:
        """Take records of a BATCH file that was not finished out of the state and the count."""
        if self._announced is not None:
            announced, self.records = self._announced
            self._stream.stream_state.clear()
            self._stream.stream_state.update(deepcopy(announced))

    def _chunks(
        self,
        batches: Iterator[Batch],
        size: int,
        conversion: Conversion,
        mapped: Callable[[list[Any]], list[Record]] | None,
    ) -> Iterator[list[Encodable]]:
        """Yield records for a file, not more than one may hold, until the stream fails."""
        try:
            with self._stream.get_record_counter() as counter, self._stream.get_sync_timer():
                for batch in self._in_turn(batches):
                    records = self._records(batch, conversion)
                    if mapped is None:
                        self.records += len(records)
                    else:  # it counts them itself
                        records = mapped(records)
                    for start in range(0, len(records), size):
                        chunk = records[start : start + size]
                        yield chunk
                        self._in_files += len(chunk)
                        self._is_file_open = True
                    counter.increment(len(records))
        except STREAM_FAILURES as failure:
            self._failure = failure

    def _records(self, batch: Batch, conversion: Conversion) -> list[Encodable]:
        name, origin = self._stream.name, batch.origin
        return [decode_row(conversion, row, name, origin) for row in batch.rows]

    def _in_turn(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Yield batches one by one: whoever asks for the next one has emitted the one before.

        So the state may say that it was emitted. No list, and nothing that looks ahead, may come
        between the reader and what emits: a record that the state passes by is lost.
        """
        for batch in batches:
            yield batch
            self._emitted += len(batch.rows)
            self._move_state(batch.done)

    def _move_state(self, done: Done) -> None:
        stream = self._stream
        if done.bookmark is not None:
            self._advance_bookmark(done.bookmark, done.context)
        stream.stream_state.update(done.state)
        self.is_whole = done.is_whole
        is_due = done.is_worth_a_message or self._emitted + MOST_ROWS > _STATE_FREQUENCY
        if is_due and not (self._is_file_open or self._is_test):
            self._states.write_state(stream.tap_state)
            stream.state_manager.is_flushed = True
            self._emitted = 0

    def _advance_bookmark(self, value: str, context: Mapping[str, str] | None) -> None:
        """Move the bookmark, of a partition if the stream has partitions, and never back."""
        stream, key = self._stream, str(self._stream.replication_key)
        bookmark = stream.get_context_state(context).get("replication_key_value")
        if stream.replication_method == REPLICATION_INCREMENTAL and value >= (bookmark or ""):
            stream.state_manager.increment_state({key: value}, context=context, replication_key=key)
            stream.stream_state["revision"] = REVISION

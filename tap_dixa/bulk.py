"""The short way of a record from the stream to a line: many at a time, past the SDK's own loop.

For every record the SDK walks over the selection, conforms types, asks the stream maps, looks
for child streams, makes a message with a time stamp of its own and flushes it. The records
here already conform, and most catalogs and settings leave nothing else to do. This module is
the only place that takes the short way, and only then; whatever asks for more goes the SDK's
way. Tests compare the messages of both.
"""

from __future__ import annotations

from abc import abstractmethod
from itertools import chain
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from singer_sdk.streams import Stream
from typing_extensions import override
from upath import UPath

from tap_dixa.batchfile import BatchFile
from tap_dixa.drafts import Draft, value_of
from tap_dixa.errors import SettingsError
from tap_dixa.writer import MessageWriter

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig
    from singer_sdk.helpers.types import Context, Record

_CHUNK = 20
"""How many records go at a time: few enough to stay in the processor's cache. It divides
STATE_MSG_FREQUENCY, so that STATE messages come where the SDK writes them."""


class BulkStream(Stream):
    """A stream that writes its records many at a time wherever that makes no difference."""

    @abstractmethod
    def get_drafts(self, context: Context | None) -> Iterator[Draft | None]:
        """Yield what msgspec encodes as the records of `get_records`, in the same order.

        None stands wherever `get_records` writes the state.
        """

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        writer = self._tap.message_writer
        if not (write_messages and self._plain() and isinstance(writer, MessageWriter)):
            yield from super()._sync_records(context, write_messages=write_messages)
            return
        self._write_starting_replication_value(context)
        for drafts in self._chunks(self.get_drafts(context), _CHUNK, write_state=True):
            writer.write_records(self.name, drafts)
            self.state_manager.is_flushed = False
        self._write_state_message()

    @override
    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        """Write batch files record by record, so that none of them is ever in memory.

        Raises:
            SettingsError: Stream maps make several streams of this one, which a batch file,
                that holds records of one stream, cannot follow.
        """
        if batch_config.encoding.format != "jsonl":
            yield from super().get_batches(batch_config, context)
            return
        if len(self.stream_maps) != 1:
            raise SettingsError(
                f"batch_config cannot be used while stream_maps make several streams of {self.name}"
            )
        self._write_starting_replication_value(context)
        encode = msgspec.json.Encoder().encode_lines
        plain = self._plain()
        storage, size = batch_config.storage, batch_config.batch_size
        packed = batch_config.encoding.compression != "none"
        folder = UPath(storage.root, **storage.params)
        folder.mkdir(parents=True, exist_ok=True)
        prefix = f"{storage.prefix or ''}{self.tap_name}--{self.name}-{uuid4()}"
        ending = "json.gz" if packed else "json"
        records = self.get_drafts(context) if plain else self.get_records(context)
        chunks = self._chunks(records, min(_CHUNK, size), write_state=False)
        chunk = next(chunks, None)
        number = 0
        while chunk:
            number += 1
            name, count = f"{prefix}-{number}.{ending}", 0
            # Not storage.open: it works for local folders only.
            path = folder / name
            try:
                with path.open("wb") as file, BatchFile(file, packed=packed) as lines:
                    while chunk and count + len(chunk) <= size:
                        count += len(chunk)
                        lines.write(encode(chunk if plain else self._mapped(chunk)))
                        # Asking for the next chunk puts the bookmark at the end of this one.
                        chunk = next(chunks, None)
            except BaseException:  # also a signal's: no loader will ever hear of this file
                path.unlink(missing_ok=True)
                raise
            yield batch_config.encoding, [storage.get_url(name)]

    def _plain(self) -> bool:
        """Whether records go out just as `get_records` yields them."""
        maps = self.stream_maps
        return (
            len(maps) == 1
            and self._unmapped()
            and not maps[0].flattening_enabled
            and all(self.mask.values())
            and not self.child_streams
            and self.replication_method == REPLICATION_INCREMENTAL
            and self.ABORT_AT_RECORD_COUNT is None
        )

    def _unmapped(self) -> bool:
        """Whether no stream map looks at the records."""
        return all(type(one) is SameRecordTransform for one in self.stream_maps)

    def _mapped(self, records: list[Record]) -> list[Record]:
        return [
            message.record
            for record in records
            for message in self._generate_record_messages(record)
        ]

    def _chunks(
        self, drafts: Iterable[Draft | None], size: int, *, write_state: bool
    ) -> Iterator[list[Draft]]:
        """Yield drafts a few at a time, with the SDK's metrics and state.

        When the next chunk is asked for, the one before it counts as emitted.

        Args:
            drafts: As `get_drafts` yields them.
            size: How many a chunk holds at most. It divides STATE_MSG_FREQUENCY, or no state
                is written.
            write_state: Whether to write STATE messages where the SDK and `get_records` do.
        """
        with self.get_record_counter() as counter, self.get_sync_timer() as timer:
            counter.with_context({})
            timer.with_context({})
            chunk: list[Draft] = []
            emitted, room = 0, size
            for draft in chain(drafts, (None,)):
                if draft is not None:
                    chunk.append(draft)
                    if len(chunk) < room:
                        continue
                if chunk:
                    yield chunk
                    emitted += len(chunk)
                    counter.increment(len(chunk))
                    key = str(self.replication_key)
                    self._increment_stream_state({key: value_of(chunk[-1], key)})
                    chunk, room = [], size - emitted % size
                    if write_state and emitted % self.STATE_MSG_FREQUENCY == 0:
                        self._write_state_message()
                if write_state and draft is None:
                    self._write_state_message()
        self._finalize_state(self.stream_state)

    @override
    def get_batch_config(self, config: Mapping[str, Any]) -> BatchConfig | None:
        try:
            return super().get_batch_config(config)
        except (TypeError, ValueError):
            raise SettingsError(
                "batch_config needs encoding (format, compression) and storage (root, prefix)"
            ) from None

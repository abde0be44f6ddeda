"""The base of all streams: what the SDK asks of one, in terms of a reader and a writer."""

import logging
from abc import abstractmethod
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.helpers.types import Context, Record
from singer_sdk.schema.source import SchemaDirectory, StreamSchema
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from singer_sdk.singerlib.messages import RecordMessage
from singer_sdk.streams import Stream
from typing_extensions import override

from tap_dixa import schemas
from tap_dixa.download.windows import MARGIN, Window, split
from tap_dixa.errors import ForbiddenError, NotFoundError, RefusedError, SettingsError
from tap_dixa.http.client import Client
from tap_dixa.http.run import Run
from tap_dixa.read.batches import Batch, Reader
from tap_dixa.records.compiled import CompiledNormalizer, Encodable
from tap_dixa.records.json_numbers import decode
from tap_dixa.records.normalize import ContentWarnings, Normalizer
from tap_dixa.singer.batch_files import batch_record, check_batch_config
from tap_dixa.singer.stream_maps import change_records
from tap_dixa.singer.writer import Writer
from tap_dixa.streams.schema_fit import exclusions_of
from tap_dixa.timestamps import DAY, parse

SCHEMAS = SchemaDirectory(schemas)
"""The streams' own schemas, by name, whatever a catalog says."""


class DixaStream(Stream):
    """A stream of Dixa's. A reader reads it in batches, and the writer emits them.

    A subclass has a ``name``, ``path``, the schema file ``schemas/NAME.json`` and a `read` method.
    Its place is in `tap_dixa.streams.STREAMS`.
    """

    schema: ClassVar[StreamSchema] = StreamSchema(SCHEMAS)

    path: ClassVar[str]
    """The path that it is requested from, with a name in braces for each id in it."""

    primary_keys: Sequence[str] = ("id",)

    is_exports: ClassVar[bool] = False
    """Whether it is requested from the Exports API, and not from the Dixa API."""

    is_optional: ClassVar[bool] = False
    """Whether an account may lack it: a 404 skips it then, as a 403 does."""

    other_names: ClassVar[Mapping[str, str]] = {}
    """Fields that Dixa sends under a second name, and the schema's name for them."""

    is_sorted = True

    # Normalized records conform already: a second walk over each one would change nothing.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    lookback_days: int = 0
    """How many days before its bookmark a run starts at least. `lookback_seconds` may be longer."""

    skipped: RefusedError | None = None
    """Why this stream is skipped, if it is."""

    @abstractmethod
    def read(self) -> Reader:
        """Make the reader of what this run reads."""

    @cached_property
    def run(self) -> Run:
        """What the streams of this run share."""
        run: Run = self._tap.run  # type: ignore[attr-defined] # TapDixa has it
        return run

    @cached_property
    def client(self) -> Client:
        """Sends the stream's requests."""
        return Client(self.run, self.name, is_exports=self.is_exports)

    @property
    def is_test(self) -> bool:
        """Whether the run only reads a few records of the stream, and loads none."""
        return self.ABORT_AT_RECORD_COUNT is not None

    # Time

    def start(self, context: Mapping[str, str] | None = None) -> int:
        """Say from when a run reads the stream that begins with its state as it is now, in Unix ms.

        If the stream has partitions, the context is one of them.
        """
        settings, state = self.run.settings, self.get_context_state(context)
        bookmark = state.get("replication_key_value")
        is_its_own = state.get("replication_key") == self.replication_key
        if not bookmark or not is_its_own or self.replication_method != REPLICATION_INCREMENTAL:
            return settings.start_date
        lookback = max(1000 * settings.lookback_seconds, self.lookback_days * DAY)
        return max(settings.start_date, parse(bookmark) - lookback)

    def windows(self, context: Mapping[str, str] | None = None) -> list[Window]:
        """Decide which windows this run reads. The reader may request one in parts.

        The run's upper bound, for all its streams, is a margin before its start: later changes
        belong to the next run, and no request filters by a time in the future.
        """
        settings, start, end = self.run.settings, self.start(context), self.run.start - MARGIN
        if settings.end_date is not None:
            end = min(end, settings.end_date)
        if self.is_test:
            # A few records are enough, and an export cannot be limited to a few.
            start = max(start, end - DAY)
        return split(start, end, settings.window_days)

    @property
    def next_start(self) -> int | None:
        """From when the next run reads the stream, in Unix ms; None if it reads a list, whole."""
        if self.replication_key is None:
            return None
        contexts = [each["context"] for each in self.stream_state.get("partitions", [])]
        return min(map(self.start, contexts or [None]))

    # Records

    @cached_property
    def normalize(self) -> Normalizer:
        """Makes records, as Dixa sends them, fit the schema."""
        exclusions = exclusions_of(self, self.other_names)
        warnings = ContentWarnings(self.name, self.primary_keys, self.client.warn, exclusions)
        return Normalizer(self.effective_schema, warnings, self.other_names)

    def conversion(self, *, fast: bool) -> Callable[[Any], Encodable]:
        """Return what makes a record of a row; a fast one, any object that is encoded as one."""
        if fast:
            return CompiledNormalizer(self.normalize)
        return lambda text: self.normalize(decode(text))

    @cached_property
    def writer(self) -> Writer:
        """Emits the stream's batches."""
        return Writer(self, self._tap)

    def batches(self) -> Iterator[Batch]:
        """Yield what Dixa has.

        The stream is skipped if the token may not read it, or the account lacks it, and Dixa has
        sent nothing of it.
        """
        reader = self.read()
        try:
            yield from reader.batches()
        except (ForbiddenError, NotFoundError) as error:
            if isinstance(error, NotFoundError) and not self.is_optional:
                raise
            self.run.permissions.skip(self.name, error, begun=reader.begun)
            self.skipped = error

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        return self.writer.dictionaries(self.batches(), self.conversion(fast=False))

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        if write_messages and self.writer.is_fast:
            self._write_starting_replication_value(None)
            self.writer.write(self.batches(), self.conversion(fast=True))
            self._finalize_state(self.stream_state)
            self._write_state_message()
        else:
            yield from super()._sync_records(context, write_messages=write_messages)
        if write_messages:
            self._activate_version()

    @override
    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        self._write_starting_replication_value(context)
        is_fast = self.writer.is_fast
        conversion, mapped = self.conversion(fast=is_fast), None if is_fast else self._mapped
        yield from self.writer.files(self.batches(), batch_config, conversion, mapped)
        self._finalize_state(self.stream_state)

    @override
    def _sync_batches(self, batch_config: BatchConfig, context: Context | None = None) -> None:
        super()._sync_batches(batch_config, context)
        self._activate_version()

    @override
    def get_batch_config(self, config: Mapping[str, Any]) -> BatchConfig | None:
        try:
            # Newer SDKs ignore one without encoding, and without storage take a temporary folder.
            _ = (given := config.get("batch_config")) and (given["encoding"], given["storage"])
            batch_config = super().get_batch_config(config)
        except (KeyError, TypeError, ValueError):
            raise SettingsError(
                "batch_config needs encoding (format, compression) and storage (root, prefix)"
            ) from None
        if batch_config is not None:
            check_batch_config(batch_config)
            if len(self.stream_maps) != 1:
                raise SettingsError(
                    f"stream_maps make several streams of {self.name}, and a BATCH file, with "
                    "batch_config or tap-dixa-load, holds one: give each a run of its own"
                )
        return batch_config

    def _mapped(self, records: list[Record]) -> list[Record]:
        """Apply the selection and the stream maps, for a BATCH file."""
        return [
            batch_record(message)
            for record in records
            for message in self._generate_record_messages(record)
        ]

    @override
    def _generate_record_messages(self, record: Record) -> Iterator[RecordMessage]:  # type: ignore[override]
        for message in super()._generate_record_messages({**self._absent, **record}):
            self.writer.records += 1
            yield message

    @cached_property
    def _absent(self) -> Record:
        """Nulls for fields that Dixa may omit, so that stream maps can name them."""
        properties = self.effective_schema["properties"]
        return dict.fromkeys(properties) if change_records(self.stream_maps) else {}

    # State

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """Set no upper limit to the bookmark: in order, it never passes what was emitted."""

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Leave the state to the writer: the reader says what it may say."""

    # ACTIVATE_VERSION

    @override
    def _write_activate_version_message(self, full_table_version: int) -> None:
        """Write nothing before the first record, as the SDK would.

        A target would delete the old rows, and an interrupted run would leave the table empty.
        """

    def _activate_version(self) -> None:
        if self._stream_version is not None and self.writer.is_whole:
            super()._write_activate_version_message(self._stream_version)

    # The log

    @override
    def log(self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any) -> None:
        # The SDK logs any exception as unhandled before it raises it again, even the end of
        # --test. The command reports it once.
        if not message.startswith("An unhandled error occurred"):
            super().log(message, *args, level=level, **kwargs)

"""Requests to Dixa, for all streams: authentication, refused requests, retries, permissions."""

from __future__ import annotations

import logging
from abc import abstractmethod
from functools import cached_property, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import msgspec
from singer_sdk import RESTStream
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.schema.source import SchemaDirectory, StreamSchema
from typing_extensions import override

from tap_dixa import schemas
from tap_dixa.errors import ExpiredTokenError, SettingsError
from tap_dixa.output.batch import batch_record, check_batch_config, write_batches
from tap_dixa.output.content_warnings import ContentWarnings
from tap_dixa.output.exclusions import Exclusions, drops_new_fields, partly_selected
from tap_dixa.output.fast_path import read_records
from tap_dixa.output.normalize import Normalizer
from tap_dixa.retries import Retries
from tap_dixa.schemas import ADDITIONAL
from tap_dixa.status_codes import error_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    import requests
    from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib.messages import RecordMessage

    from tap_dixa.errors import RefusedError
    from tap_dixa.rate_limit import LimitedSession
    from tap_dixa.run import Run
    from tap_dixa.settings import Settings

_Stream = TypeVar("_Stream", bound="DixaStream")

SCHEMAS = SchemaDirectory(schemas)
"""The streams' own schemas, by name, whatever a catalog says."""


class DixaStream(RESTStream[Any]):
    """The base of all streams: how requests are sent."""

    schema: ClassVar[StreamSchema] = StreamSchema(SCHEMAS)
    allow_redirects = False

    other_names: ClassVar[Mapping[str, str]] = {}
    """Fields that Dixa sends under a second name, and the schema's name for them."""

    complete_statuses: ClassVar[frozenset[int]] = frozenset({HTTPStatus.OK})
    """The statuses of a complete response. Any other success is retried, and then fails the
    stream: a 206, for example, is a part of a response, and a 202 only promises one."""

    skipped: RefusedError | None = None
    """Why this stream is skipped, if it is."""

    @cached_property
    def run(self) -> Run:
        """What the streams of this run share."""
        run: Run = self._tap.run  # type: ignore[attr-defined] # TapDixa has it
        return run

    @property
    def settings(self) -> Settings:
        """The checked settings."""
        return self.run.settings

    def another(self, stream: type[_Stream]) -> _Stream:
        """Build another stream of the same tap, to read what this one depends on."""
        return stream(self._tap)

    def skip(self, error: RefusedError, *, begun: bool) -> None:
        """Continue without this stream, if that can be: see `Permissions.skip`."""
        self.run.permissions.skip(self.name, error, begun=begun)
        self.skipped = error

    @cached_property
    def warnings(self) -> ContentWarnings:
        """Warns of content that the schema or a target cannot hold."""
        return ContentWarnings(
            self.name,
            self.primary_keys,
            partial(self.log, level=logging.WARNING),
            self.exclusions,
        )

    @cached_property
    def normalize(self) -> Normalizer:
        """Makes records, as Dixa sends them, fit the schema."""
        return Normalizer(self.effective_schema, self.warnings, self.other_names, self.exclusions)

    @cached_property
    def exclusions(self) -> Exclusions:
        """What must not arrive in `ADDITIONAL`.

        With a stream map, that is all in the fields of the schema: a map may hash or remove it.
        """
        tap_fields, fields = self.schema["properties"], self.effective_schema["properties"]
        maps = self.config.get("stream_maps") or {}
        if read_records(self.stream_maps):
            excluded = {*tap_fields, *fields}
        else:
            excluded = set(partly_selected(tap_fields, fields, self.mask))
        excluded.discard(ADDITIONAL)
        excluded.update(second for second, first in self.other_names.items() if first in excluded)
        return Exclusions(
            frozenset(excluded),
            everything=drops_new_fields(maps, self.name)
            or ADDITIONAL not in fields
            or not self.mask["properties", ADDITIONAL]
            or not any(
                # Flattening may shorten its name.
                isinstance(stream_map, SameRecordTransform)
                or ADDITIONAL in stream_map.transformed_schema["properties"]
                for stream_map in self.stream_maps
            ),
        )

    @override
    def _generate_record_messages(self, record: Record) -> Iterator[RecordMessage]:  # type: ignore[override]
        yield from super()._generate_record_messages({**self._absent, **record})

    @cached_property
    def _absent(self) -> Record:
        """Nulls for fields that Dixa may omit, so that stream maps can name them."""
        return (
            dict.fromkeys(self.effective_schema["properties"])
            if read_records(self.stream_maps)
            else {}
        )

    # ACTIVATE_VERSION

    @override
    def _write_activate_version_message(self, full_table_version: int) -> None:
        # The SDK writes it before the first record: a target would delete the old rows, and an
        # interrupted run would leave the table empty. Here it follows the last record or file.
        if self._read_to_the_end:
            super()._write_activate_version_message(full_table_version)

    _read_to_the_end = False

    @property
    def read_whole(self) -> bool:
        """Whether this run has surely read every record that Dixa has.

        A target may delete all others then. An incremental stream never has, even if a catalog
        says FULL_TABLE: what lies before start_date was not read.
        """
        return False

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        yield from super()._sync_records(context, write_messages=write_messages)
        if write_messages:
            self._activate_version()

    @override
    def _sync_batches(self, batch_config: BatchConfig, context: Context | None = None) -> None:
        super()._sync_batches(batch_config, context)
        self._activate_version()

    def _activate_version(self) -> None:
        version = self._stream_version
        if version is not None and self.read_whole:
            self._read_to_the_end = True
            self._write_activate_version_message(version)

    # BATCH

    @override
    def get_batch_config(self, config: Mapping[str, Any]) -> BatchConfig | None:
        try:
            batch_config = super().get_batch_config(config)
        except (TypeError, ValueError):
            raise SettingsError(
                "batch_config needs encoding (format, compression) and storage (root, prefix)"
            ) from None
        if batch_config is not None:
            check_batch_config(batch_config)
            if len(self.stream_maps) != 1:
                # A batch file holds records of one stream.
                raise SettingsError(
                    "batch_config cannot be used while stream_maps make several streams of "
                    f"{self.name}"
                )
        return batch_config

    @override
    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        # The SDK's own applies no stream map and no selection.
        records = self._sync_records(context, write_messages=False)
        mapped = (
            [batch_record(message)]
            for record in records
            for message in self._generate_record_messages(record)
        )
        to_lines = msgspec.json.Encoder().encode_lines
        for url in write_batches(mapped, to_lines, batch_config, f"{self.tap_name}--{self.name}"):
            yield batch_config.encoding, [url]

    # Requests

    @cached_property
    def authenticator(self) -> BearerTokenAuthenticator:
        """Adds the token to each request's headers."""
        return BearerTokenAuthenticator(token=self.settings.api_token)

    @cached_property
    def user_agent(self) -> str:
        """The User-Agent header."""
        return self.settings.user_agent or f"tap-dixa/{self.run.version}"

    @property
    @override
    def http_headers(self) -> dict[str, str]:
        return {"Accept": "application/json"}

    @property
    @override
    def timeout(self) -> int:
        return self.settings.request_timeout_seconds

    @property
    @abstractmethod
    @override
    def requests_session(self) -> LimitedSession:
        """The session of the API that the stream belongs to."""

    def send(self, request: requests.PreparedRequest) -> requests.Response:
        """Send a request once, within the rate limit.

        Raises:
            RetriableAPIError: A retry may succeed. So it may after an exception of requests.
            RefusedError: Dixa refuses the request.
        """
        return self._request(request, None)

    @override
    def log(self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any) -> None:
        # The SDK logs any exception as unhandled before it raises it again, even the end of
        # --test. The command reports it once.
        if not message.startswith("An unhandled error occurred"):
            super().log(message, *args, level=level, **kwargs)

    @override
    def validate_response(self, response: requests.Response) -> None:
        self.run.report.response(self, response)
        if response.status_code in self.complete_statuses:
            self.requests_session.unavailable = False
            self.run.permissions.granted()
            return
        with response:
            error = error_of(response, self.name)
        if response.status_code == HTTPStatus.UNAUTHORIZED and self._token_has_expired():
            raise ExpiredTokenError(
                f"{self.name}: Dixa no longer accepts api_token, which it accepted earlier in this "
                "run. An administrator makes a new one in Dixa under Settings, Integrations, API "
                "Tokens"
            )
        raise error

    def _token_has_expired(self) -> bool:
        """Whether Dixa refuses a request now (401) that it accepted earlier in this run.

        Otherwise it is this path, or this one of the two APIs, that the token may not read.
        """
        sessions = (self.requests_session, self.run.dixa_api_session, self.run.exports_session)
        used = (session for session in sessions if session.accepted is not None)
        session = next(used, None)
        return session is not None and session.refuses_token_now(self.timeout)

    def retries(self) -> Retries:
        """Make the retries of requests that depend on each other."""
        warn = partial(self.log, level=logging.WARNING)
        return Retries(self.requests_session, self.name, warn)

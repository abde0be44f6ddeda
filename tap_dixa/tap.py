"""The tap: its settings, its streams, and the order in which they are synced."""

import os
import sys
import threading
from contextlib import suppress
from functools import cached_property
from types import FrameType
from typing import IO, Any, cast

from singer_sdk.exceptions import ConfigValidationError, SingerSDKError
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.singerlib import Catalog, CatalogEntry, Schema
from singer_sdk.streams import Stream
from typing_extensions import override

from tap_dixa.environment import check_temporary_folder, misspelt_variables, read_environment
from tap_dixa.errors import STREAM_FAILURES, NotFoundError, SettingsError, StreamsFailedError
from tap_dixa.hidden_token import hide
from tap_dixa.http.permissions import Permissions
from tap_dixa.http.run import Run
from tap_dixa.http.session import TEST_PATIENCE
from tap_dixa.known_faults import describe_faults
from tap_dixa.log_shapes import shown_name
from tap_dixa.report.summary import Summary, describe_failures
from tap_dixa.settings import CONFIG_JSONSCHEMA, check_sdk_settings
from tap_dixa.singer.command import CommandTap
from tap_dixa.singer.signals import end_run, handle_hangup
from tap_dixa.singer.stdout import StdoutWriter
from tap_dixa.singer.stream_map_checks import check_stream_maps
from tap_dixa.singer.stream_maps import StreamMapper
from tap_dixa.streams import STREAMS
from tap_dixa.streams.base import DixaStream
from tap_dixa.timestamps import to_rfc3339

_ASKED = (
    "conversation_ids is set: only %d conversations and their messages are synced, no other "
    "streams, and no bookmark moves"
)


class TapDixa(CommandTap):
    """Singer tap for Dixa: the Exports API and the Dixa API."""

    name = "tap-dixa"
    package_name = "singer-tap-dixa"  # tap-dixa on PyPI is singer-io's
    config_jsonschema = CONFIG_JSONSCHEMA
    message_writer_class = StdoutWriter

    @cached_property
    def run(self) -> Run:
        """What the streams of this run share."""

        def selected() -> list[str]:
            return [name for name, stream in self.streams.items() if stream.selected]

        permissions = Permissions(selected, self.logger.warning)
        return Run(self.config, permissions, self.plugin_version, self.logger, self.metrics_logger)

    @override
    def discover_streams(self) -> list[Stream]:
        return [stream(self) for stream in STREAMS]

    @override
    def setup_mapper(self) -> None:
        maps = dict(self.config.get("stream_maps") or {})
        properties = {
            name: {*stream.schema["properties"], *stream.effective_schema["properties"]}
            for name, stream in self.streams.items()
        }
        check_stream_maps(maps, properties, self.config.get("stream_map_config") or {})
        try:
            self.mapper = StreamMapper({**self.config, "stream_maps": maps}, self.logger)
        except ConfigValidationError as error:
            raise SettingsError("; ".join(error.errors)) from None
        for stream in self.streams.values():
            if not stream.selected:
                # --test=schema writes it all the same. A map of it is no reason to fail.
                with suppress(SingerSDKError):
                    self.mapper.register_raw_stream_schema(stream.name, {"properties": {}}, None)
                continue
            entry = CatalogEntry(
                tap_stream_id=stream.name,
                schema=Schema.from_dict(stream.effective_schema),
                metadata=stream.metadata,
                key_properties=stream.primary_keys,
            )
            self.mapper.register_raw_streams_from_catalog(Catalog([(stream.name, entry)]))

    @override
    def sync_streams(self) -> None:
        """Sync the selected streams, conversations and messages first.

        A stream that fails does not keep the others from being synced, as it would in the SDK's
        `sync_all`. `StreamsFailedError` names all that failed.
        """
        check_temporary_folder()
        if asked := self.run.settings.conversation_ids:
            self.logger.info(_ASKED, len({*asked}))
            # The next run goes on where the last one stopped, whatever state this one was given.
            cast("StdoutWriter", self.message_writer).has_states = False
            for other in self._ordered_streams():
                if not other.is_exports:
                    other.selected = False
        if self.state:
            self.state_writer.write_state(self.state)
        selected = [stream for stream in self._ordered_streams() if stream.selected]
        if not selected:
            self.logger.warning("No stream is selected, so nothing is synced")
        bookmarks = self.state.get("bookmarks", {})
        if advice := describe_faults(bookmarks, {stream.name for stream in selected}):
            self.logger.warning(advice)
        self._summary = summary = Summary(selected)
        try:
            for stream in selected:
                summary.begin()
                if (unreachable := stream.client.session.unreachable) is not None:
                    summary.end(stream, unreachable)
                    continue
                try:
                    stream.sync()
                    summary.end(stream)
                except STREAM_FAILURES as error:
                    summary.end(stream, error)
                    self.logger.warning("Stream %s failed; continuing with the others", stream.name)
                stream.finalize_state_progress_markers()
            self.run.permissions.flush()
        finally:
            if not self._ends:  # the handler of a signal logs it
                self._log_summary(reasons=False)
        if summary.failed:
            raise StreamsFailedError(describe_failures(summary.failed, len(selected)))

    def _log_summary(self, *, reasons: bool) -> None:
        """Log what was synced, with the reasons why streams failed if no error follows."""
        if self._summary is not None:
            for line in self._summary.lines(reasons=reasons):
                self.logger.info(line)

    def _ordered_streams(self) -> list[DixaStream]:
        streams = cast("dict[str, DixaStream]", self.streams).values()
        return sorted(streams, key=lambda stream: STREAMS.index(type(stream)))

    @override
    def test_connection(self, shapes: IO[bytes] | None = None) -> None:
        """Sync a record of every stream, and report what Dixa does to standard error."""
        from tap_dixa.report.observe import ConnectionReport  # noqa: PLC0415
        from tap_dixa.report.render import render  # noqa: PLC0415
        from tap_dixa.report.shapes import Shapes  # noqa: PLC0415

        check_temporary_folder()
        streams = self._ordered_streams()
        report = self.run.report = ConnectionReport(streams)
        report.shapes = recorded = None if shapes is None else Shapes(self.run)
        failed: dict[str, Exception] = {}
        self.run.patience = TEST_PATIENCE
        # Somebody waits: glibc gives a name server that never answers ten seconds for each host.
        os.environ.setdefault("RES_OPTIONS", "timeout:2 attempts:1")
        for stream in streams:
            stream.selected = True
        self.setup_mapper()
        try:
            for stream in streams:
                try:
                    self.run_sync_dry_run(1, [stream])
                    report.tested(stream)
                except STREAM_FAILURES as error:
                    # An account may lack what is off unless it is selected.
                    if stream.selected_by_default or not isinstance(error, NotFoundError):
                        failed[stream.name] = error
                    report.tested(stream, error)
            self.run.permissions.flush()
            report.shapes = None
            report.probe_bounds()
        finally:
            if self.run.progress_bar is not None:
                self.run.progress_bar.hide()
            sys.stderr.write(f"\n{render(report)}\n")
            if shapes is not None and recorded is not None:
                shapes.write(recorded.write(report.inclusive))
                self.logger.info("The shapes are in %s: read it before you send it", shapes.name)
        if failed:
            raise StreamsFailedError(describe_failures(failed, len(streams)))

    @classproperty
    def _env_var_config(cls) -> dict[str, Any]:  # noqa: N805
        schema = cls.config_jsonschema
        cls.append_builtin_config(schema)
        for variable, near in misspelt_variables(schema, cls._env_var_prefix):
            cls.logger.warning("%s is the variable of no setting. Did you mean %s?", variable, near)
        return read_environment(schema, cls._env_var_prefix)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        # The SDK validates when it builds the tap, before any request. Its messages quote
        # values, so ours, which never quote the token, come first.
        if not raise_errors:
            return []  # discovery: the streams do not depend on settings
        hide(self.run.settings.api_token)
        if self.run.settings.start_date > self.run.start:
            self.logger.warning(
                "start_date is in the future: incremental streams are empty until then"
            )
        # The SDK reads dates in fewer ways than people write them.
        for name in ("start_date", "end_date"):
            if (date := getattr(self.run.settings, name)) is not None:
                self._config[name] = to_rfc3339(date)
        self.append_builtin_config(self.config_jsonschema)
        if unknown := check_sdk_settings(self._config, self.config_jsonschema):
            names = ", ".join(map(shown_name, unknown))
            self.logger.warning("There are no settings with these names, ignored: %s", names)
        return super()._validate_config()

    @override
    def _setup_signal_handlers(self) -> None:
        super()._setup_signal_handlers()
        if threading.current_thread() is threading.main_thread():
            handle_hangup(self._handle_termination)

    _summary: Summary | None = None
    """What was synced so far."""
    _ends = False
    """Whether a signal has come: those that follow change nothing."""

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        # The SDK's own writes into the middle of whatever is being written, and ends with
        # status 0: a scheduler would take half a sync for a whole one.
        if self._ends:
            return
        self._ends = True
        end_run(self, signum, self.run.progress_bar, self._log_stopped)

    def _log_stopped(self) -> None:
        """Log what was synced before a signal, without a BATCH file that it found open."""
        for stream in self._ordered_streams():
            stream.writer.forget_unannounced()
        self._log_summary(reasons=True)

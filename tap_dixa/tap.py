"""The tap: its settings, its streams, and how a signal ends it."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.plugin_base import _ConfigInput
from typing_extensions import override

from tap_dixa.access import Access
from tap_dixa.bar import Bar
from tap_dixa.cli import (
    TapCommand,
    check_catalog,
    check_environment,
    mask,
    read_object,
)
from tap_dixa.errors import SettingsError
from tap_dixa.settings import CONFIG_JSONSCHEMA, Settings
from tap_dixa.state import read_state
from tap_dixa.streams import STREAMS
from tap_dixa.timestamps import to_rfc3339
from tap_dixa.writer import MessageWriter

if TYPE_CHECKING:
    from types import FrameType

    import click
    import requests
    from singer_sdk.streams import Stream


_LAST_SECONDS = 1.5
"""How long an interrupted run may take to end, whatever it is waiting for."""


class TapDixa(Tap):
    """Singer tap for Dixa: the Exports API and the Dixa API."""

    name = "tap-dixa"
    config_jsonschema = CONFIG_JSONSCHEMA
    message_writer_class = MessageWriter

    @cached_property
    def settings(self) -> Settings:
        """The checked settings.

        Raises:
            SettingsError: A setting is missing or unusable.
        """
        return Settings.from_config(self.config)

    @cached_property
    def exports_session(self) -> requests.Session:
        """The one session for the Exports API: its streams share the token's rate limit."""
        # The limiter is slow to import, and discovery, --about and --version do not need it.
        from tap_dixa.pacing import MINUTE, paced_session  # noqa: PLC0415

        return paced_session(self.settings.requests_per_minute, MINUTE)

    @cached_property
    def api_session(self) -> requests.Session:
        """The one session for the Dixa API: its streams share the token's rate limit."""
        from tap_dixa.pacing import BURST, BURST_TIME, paced_session  # noqa: PLC0415

        return paced_session(BURST, BURST_TIME)

    @cached_property
    def access(self) -> Access:
        """What the token may read, as far as this run knows."""

        def selected() -> list[str]:
            return [name for name, stream in self.streams.items() if stream.selected]

        return Access(selected, self.logger.warning)

    @cached_property
    def bar(self) -> Bar | None:
        """Shows how far the sync is, if somebody watches."""
        return Bar.if_watched()

    @override
    def discover_streams(self) -> list[Stream]:
        return [stream(self) for stream in STREAMS]

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        cursors = {stream.name: stream.replication_key for stream in self.discover_streams()}
        super().load_state(read_state(state, cursors, self.logger.info))

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        # The SDK validates when it builds the tap, before any request. Its messages quote
        # values, so ours, which never quote the token, come first.
        if not raise_errors:
            return []  # discovery: the streams do not depend on settings
        mask(self.settings.api_token)
        if self.settings.start_date > time.time_ns() // 1_000_000:
            self.logger.warning(
                "start_date lies in the future: until then nothing is brought by time"
            )
        # The SDK reads dates in fewer ways than people write them.
        for name in ("start_date", "end_date"):
            if (moment := getattr(self.settings, name)) is not None:
                self._config[name] = to_rfc3339(moment)
        try:
            return super()._validate_config()
        except ConfigValidationError as error:
            raise SettingsError("; ".join(error.errors)) from None

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        # The SDK's own writes into the middle of whatever is being written, and ends with 0: a
        # scheduler would take half a sync for a whole one.
        status = 128 + signum

        def last_words() -> None:
            # A batch counts in the state before it counts on disk: its last STATE stands.
            if not self.config.get("batch_config"):
                with suppress(BrokenPipeError):
                    self.state_writer.write_state(self.state)
            self.logger.info("Stopped by %s", signal.Signals(signum).name)
            sys.exit(status)

        limit = threading.Timer(_LAST_SECONDS, os._exit, [status])
        limit.daemon = True
        limit.start()
        if self.bar is not None:
            self.bar.hide()
        if isinstance(self.message_writer, MessageWriter):
            self.message_writer.interrupt(last_words)
        else:
            last_words()

    @classmethod
    @override
    def print_about(cls, output_format: str | None = None) -> None:
        import tap_dixa.about  # noqa: F401, PLC0415 (adds its format to the SDK's)

        super().print_about(output_format)

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        return TapCommand(super().get_singer_command(), cls)

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> _ConfigInput:
        config = _ConfigInput()
        for path in value:
            if path == "ENV":
                cls.append_builtin_config(cls.config_jsonschema)
                check_environment(cls)
                config.parse_env = True
            else:
                with Path(path).open(encoding="utf-8") as file:
                    config.config |= read_object(file, f"--config {path}")
        return config

    @classmethod
    @override
    def invoke(
        cls,
        *,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
        **options: Any,
    ) -> None:
        if catalog is not None:
            streams = read_object(catalog, f"--catalog {catalog.name}")
            check_catalog(streams)
            catalog = io.StringIO(json.dumps(streams))
        if state is not None:
            # Schedulers make an empty file when there is no state yet.
            text = state.read()
            found = read_object(io.StringIO(text), f"--state {state.name}") if text.strip() else {}
            state = io.StringIO(json.dumps(found))
        super().invoke(state=state, catalog=catalog, **options)

"""The tap: its settings and its streams."""

from __future__ import annotations

import io
import json
import sys
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.plugin_base import _ConfigInput
from typing_extensions import override

from tap_dixa.cli import (
    TapCommand,
    check_catalog,
    check_environment,
    check_state,
    mask,
    read_object,
)
from tap_dixa.errors import SettingsError
from tap_dixa.settings import CONFIG_JSONSCHEMA, Settings
from tap_dixa.streams import ConversationsStream, MessagesStream
from tap_dixa.timestamps import to_rfc3339
from tap_dixa.writer import MessageWriter

if TYPE_CHECKING:
    from types import FrameType

    import click
    import requests
    from singer_sdk.streams import Stream


class TapDixa(Tap):
    """Singer tap for Dixa: conversations and messages from the Exports API."""

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
        from tap_dixa.pacing import paced_session  # noqa: PLC0415

        return paced_session(self.settings.requests_per_minute)

    @override
    def discover_streams(self) -> list[Stream]:
        return [ConversationsStream(self), MessagesStream(self)]

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        check_state(state)
        super().load_state(state)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        # The SDK validates when it builds the tap, before any request. Its messages quote
        # values, so ours, which never quote the token, come first.
        if not raise_errors:
            return []  # discovery: the streams do not depend on settings
        mask(self.settings.api_token)
        # The SDK reads dates in fewer ways than people write them.
        self._config["start_date"] = to_rfc3339(self.settings.start_date)
        try:
            return super()._validate_config()
        except ConfigValidationError as error:
            raise SettingsError("; ".join(error.errors)) from None

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        try:
            super()._handle_termination(signum, frame)
        finally:
            # The SDK ends with 0, and a scheduler would take half a sync for a whole one.
            sys.exit(128 + signum)

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
                    config.config |= read_object(file, "--config")
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
            streams = read_object(catalog, "--catalog")
            check_catalog(streams)
            catalog = io.StringIO(json.dumps(streams))
        if state is not None:
            state = io.StringIO(json.dumps(read_object(state, "--state")))
        super().invoke(state=state, catalog=catalog, **options)

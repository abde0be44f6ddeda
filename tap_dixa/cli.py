"""The tap's command line: the SDK's own, with errors that a person can act on."""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import IO, TYPE_CHECKING, Any

from singer_sdk.exceptions import SingerSDKError
from singer_sdk.plugin_base import SingerCommand
from typing_extensions import override

from tap_dixa.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    import click
    from singer_sdk import Tap

_TELLTALE = 8
"""A shorter token is masked nowhere: it would be part of innocent words."""


class TapCommand(SingerCommand):
    """Ends with one line and exit status 1 for whatever a user or Dixa can cause.

    A traceback is left for what only a mistake in the tap can cause.
    """

    def __init__(self, command: click.Command, tap: type[Tap]) -> None:
        """Take over the command that the SDK built.

        Args:
            command: That command.
            tap: The tap it runs.
        """
        super().__init__(
            name=command.name,
            callback=command.callback,
            context_settings=command.context_settings,
            params=command.params,
            help=command.help,
            logger=tap.logger,
        )

    @override
    def main(self, *args: Any, **kwargs: Any) -> Any:
        if sys.stdout is None:
            sys.exit("Standard output is closed: there is nowhere to write to")
        try:
            return super().main(*args, **kwargs)
        except (SingerSDKError, OSError) as error:
            self.logger.error(" ".join(str(error).split()))  # noqa: TRY400 (one line)
            sys.exit(1)


def mask(token: str) -> None:
    """Keep a token out of everything that is logged from here on, whoever logs it."""

    def masked(record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if token in message:
            record.msg, record.args = message.replace(token, "(token)"), ()
        return True

    if len(token) >= _TELLTALE:
        for handler in logging.getLogger().handlers:
            handler.addFilter(masked)


def read_object(file: IO[str], option: str) -> dict[str, Any]:
    """Read a JSON file that an option names.

    Args:
        file: The open file.
        option: The option and the file's name, for the message.

    Raises:
        SettingsError: The file does not hold a JSON object.
    """
    try:
        content = json.load(file)
    except ValueError as error:
        raise SettingsError(f"{option} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{option} does not hold a JSON object")
    return content


def check_catalog(catalog: dict[str, Any]) -> None:
    """Check that a catalog is one, before the SDK takes it apart.

    Raises:
        SettingsError: It is not.
    """
    streams = catalog.get("streams")
    if not isinstance(streams, list) or not all(
        isinstance(stream, dict)
        and isinstance(stream.get("schema"), dict)
        and isinstance(stream.get("tap_stream_id"), str)
        for stream in streams
    ):
        raise SettingsError(
            "--catalog: a catalog has streams, each with a tap_stream_id and a schema; "
            "tap-dixa --discover writes one"
        )


def check_environment(tap: type[Tap]) -> None:
    """Check the settings' environment variables, which the SDK converts without naming them.

    An empty variable counts as none.

    Raises:
        SettingsError: One of them cannot be read. The message names it.
    """
    readers: dict[str, Callable[[str], Any]] = {
        "integer": int,
        "object": json.loads,
        "array": json.loads,
    }
    for name, schema in tap.config_jsonschema["properties"].items():
        variable = f"{tap.name}_{name}".upper().replace("-", "_")
        for kind in readers.keys() & schema["type"]:
            text = os.environ.get(variable)
            try:
                if text:
                    readers[kind](text)
                elif text is not None:
                    del os.environ[variable]
            except ValueError as error:
                raise SettingsError(f"{variable} cannot be read: {error}") from None

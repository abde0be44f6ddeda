"""The tap's command line: the SDK's own, with errors that a person can act on."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import IO, TYPE_CHECKING, Any

from singer_sdk.exceptions import SingerSDKError
from singer_sdk.plugin_base import SingerCommand
from typing_extensions import override

from tap_dixa.errors import SettingsError

if TYPE_CHECKING:
    import click
    from singer_sdk import Tap


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
        self._tap = tap

    @override
    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except (SingerSDKError, OSError) as error:
            message = str(error)
        except ValueError as error:
            # The SDK converts environment variables without saying which one it could not.
            variable = self._unreadable_variable()
            if variable is None:
                raise
            message = f"{variable} cannot be read: {error}"
        self.logger.error(" ".join(message.split()))
        sys.exit(1)

    def _unreadable_variable(self) -> str | None:
        for name, schema in self._tap.config_jsonschema["properties"].items():
            variable = f"{self._tap.name}_{name}".upper().replace("-", "_")
            text = os.environ.get(variable)
            types = schema.get("type", [])
            read = (
                int
                if "integer" in types
                else json.loads
                if "object" in types or "array" in types
                else str
            )
            try:
                read(text or "0")
            except ValueError:
                return variable
        return None


def read_object(file: IO[str] | None, option: str) -> IO[str] | None:
    """Check a JSON file before the SDK reads it.

    Args:
        file: What the option names.
        option: The option, for the message.

    Returns:
        The file's content, to read again; None for no file.

    Raises:
        SettingsError: The file does not hold a JSON object.
    """
    if file is None:
        return None
    text = file.read()
    try:
        content = json.loads(text)
    except ValueError as error:
        raise SettingsError(f"{option} {file.name} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{option} {file.name} does not hold a JSON object")
    return io.StringIO(text)

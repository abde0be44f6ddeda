"""The files of command-line options, and the configuration of the log.

Nothing of a file's content, and nothing that is given in place of a file, is in an error: it may
be the token.
"""

from __future__ import annotations

import logging
import os
import re
from codecs import BOM_UTF8
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from typing_extensions import override

from tap_dixa.errors import SettingsError
from tap_dixa.json_input import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable

_NO_FILE_NAME = re.compile(r"""\s*[{["']|.*\n|.*"\s*:|\s*\w+\s*:\s|\s*api_token\s*=""")
"""What JSON, YAML or a setting looks like that is given in place of a file's name."""
_LEVELS = ("TAP_DIXA_LOGLEVEL", "LOGLEVEL")
"""The variables that name a log level; the first one that is set counts."""
_LOG_CONFIG = "SINGER_SDK_LOG_CONFIG"


class JsonObjectFile(click.ParamType):  # type: ignore[type-arg,unused-ignore] # generic since click 8.4
    """A command-line option that names a file with a JSON object. Its value is that object.

    Args:
        check: Returns an object as it is used. It raises `SettingsError` for one that the option
            does not accept.
        may_be_empty: Whether an empty file, or null in it, counts as an empty object.
    """

    name = "filename"

    def __init__(
        self,
        check: Callable[[dict[str, Any]], Any] | None = None,
        *,
        may_be_empty: bool = False,
    ) -> None:
        self._check = check
        self._may_be_empty = may_be_empty

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        option = param.opts[0] if param else "file"
        _check_file_name(option, value)
        text = click.File("rb").convert(value, param, ctx).read()
        if self._may_be_empty and text.removeprefix(BOM_UTF8).strip() in {b"", b"null"}:
            return {}
        content = _read_object(text, f"{option} {value}")
        return content if self._check is None else self._check(content)


def set_up_log(get_command: Callable[[], click.Command]) -> click.Command:
    """Let the SDK set up the log, as it does when it makes its command.

    Raises:
        SettingsError: The environment asks for a log that there cannot be.
    """
    for variable in (*_LEVELS, _LOG_CONFIG):
        # Compose and Helm set a variable without a value to nothing.
        if not os.environ.get(variable, "").strip():
            os.environ.pop(variable, None)
    for variable in _LEVELS:
        if (level := os.environ.get(variable)) is not None:
            os.environ[variable] = level = level.strip().upper()
            if level not in logging.getLevelNamesMapping():
                raise SettingsError(
                    f"{variable} is not a log level: use DEBUG, INFO, WARNING or ERROR"
                )
            break
    try:
        return get_command()
    except Exception as error:
        reason = " ".join(str(error).split())
        raise SettingsError(
            f"{_LOG_CONFIG} is not a usable logging configuration: {type(error).__name__}, {reason}"
        ) from error


def read_config(path: str) -> dict[str, Any]:
    """Read a file that ``--config`` names.

    Raises:
        SettingsError: It holds no JSON object, or JSON is given in place of a file's name.
        OSError: It cannot be read.
    """
    _check_file_name("--config", path)
    return _read_object(Path(path).read_bytes(), f"--config {path}")


def _check_file_name(option: str, value: str) -> None:
    if _NO_FILE_NAME.match(value):
        raise SettingsError(
            f"{option} expects a file name: values on the command line are visible to other users "
            "of this machine"
        )


def _read_object(text: bytes, option: str) -> dict[str, Any]:
    try:
        # Some editors begin a file with a byte order mark.
        content = parse_json(text.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise SettingsError(f"{option} is not UTF-8: save it with that encoding") from None
    except ValueError as error:
        raise SettingsError(f"{option} {error}") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{option} does not hold a JSON object")
    return content

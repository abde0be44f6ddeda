"""Settings in environment variables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tap_dixa.errors import SettingsError
from tap_dixa.json_input import parse_json
from tap_dixa.setting_types import shown_setting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def parse_environment(
    texts: Mapping[str, str], schema: Mapping[str, Any], prefix: str
) -> dict[str, Any]:
    """Convert the texts of environment variables to what a configuration file would hold.

    Args:
        texts: The text of each setting that has a variable. An empty one counts as none.
        schema: The JSON Schema of the settings.
        prefix: What the variables' names begin with.

    Raises:
        SettingsError: A text cannot be converted. The message names the variable.
    """
    config: dict[str, Any] = {}
    for name, given in texts.items():
        if not (text := given.strip()):
            continue
        types = schema["properties"][name].get("type", ())
        convert = next((_CONVERSIONS[kind] for kind in _CONVERSIONS if kind in types), str)
        try:
            config[name] = convert(text)
        except ValueError as error:
            variable = f"{prefix}{name.upper()}"
            raise SettingsError(f"{variable} {error}") from None
    return config


def _parse_boolean(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(f"must be true or false, not {shown_setting(text)}")


def _parse_integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"must be a whole number, not {shown_setting(text)}")
    return int(text)


_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
# Those of the SDK and their opposites. Anything else was false without a word.
_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "no", "off"}

_CONVERSIONS: dict[str, Callable[[str], Any]] = {
    "integer": _parse_integer,
    "boolean": _parse_boolean,
    "object": parse_json,
    "array": parse_json,
}

"""Settings in environment variables: what a configuration file would hold in their place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tap_dixa.errors import SettingsError

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
            raise SettingsError(f"{variable} cannot be read: {error}") from None
    return config


def _parse_boolean(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(f"{text!r} is neither true nor false")


# Those of the SDK and their opposites. Anything else was false without a word.
_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "no", "off"}

_CONVERSIONS: dict[str, Callable[[str], Any]] = {
    "integer": int,
    "boolean": _parse_boolean,
    "object": json.loads,
    "array": json.loads,
}

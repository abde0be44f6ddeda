"""What the environment gives: settings in variables, and the folder for temporary files."""

import json
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec
from singer_sdk.configuration._dict_config import parse_environment_config

from tap_dixa.errors import DISK_ADVICE, DiskError, SettingsError
from tap_dixa.setting_values import shown_setting

_BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
"""What the SDK, and its opposites, write for true and false."""


def read_environment(schema: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Read what a configuration file would hold from environment variables and a file ``.env``.

    The SDK converts texts without naming a variable that it cannot read, and takes an empty one
    for a value, so it only reads them, as texts.

    Raises:
        SettingsError: A text cannot be converted. The message names the variable.
    """
    texts = {"properties": {name: {"type": "string"} for name in schema["properties"]}}
    try:
        variables = parse_environment_config(texts, prefix)
    except ValueError as error:  # a null byte, or another encoding than the locale's
        raise SettingsError(f"a file .env cannot be used: {error}") from None
    config = {}
    for name, given in variables.items():
        if text := given.strip():
            try:
                config[name] = _convert(text, schema["properties"][name].get("type", ()))
            except ValueError as error:
                raise SettingsError(f"{prefix}{name.upper()} {error}") from None
    return config


def misspelt_variables(schema: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    """Yield each environment variable that is nearly one of a setting, and that one."""
    for variable in os.environ:
        name = variable.removeprefix(prefix).lower()
        if variable.startswith(prefix) and name not in schema["properties"]:
            for near in get_close_matches(name, schema["properties"], n=1, cutoff=0.7):
                yield variable, f"{prefix}{near.upper()}"


def _convert(text: str, types: Collection[str]) -> Any:
    """Convert a text to a value of one of the types of a JSON Schema, or raise ValueError."""
    if "array" in types and not text.startswith("["):
        return parse_json(f"[{text}]")
    if "object" in types or "array" in types:
        return parse_json(text)
    try:
        if "integer" in types:
            return msgspec.convert(text, int, strict=False)
        if "boolean" in types:
            return msgspec.convert(_BOOLEANS.get(text.lower(), text), bool, strict=False)
    except msgspec.ValidationError:
        wanted = "a whole number" if "integer" in types else "true or false"
        raise ValueError(f"must be {wanted}, not {shown_setting(text)}") from None
    return text


def parse_json(text: str) -> Any:
    """Parse JSON. A ValueError shows nothing of the text: it may be the token."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON: {error}") from None


def check_temporary_folder() -> None:
    """Check that responses can be written where the environment says.

    Python would silently write them, with the personal data in them, to another folder.

    Raises:
        SettingsError: The folder cannot be written to.
        DiskError: No file can be written.
    """
    variable = next((name for name in ("TMPDIR", "TEMP", "TMP") if os.environ.get(name)), None)
    folder = os.environ[variable] if variable else None
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"[]")
    except OSError as error:
        if error.errno in DISK_ADVICE or variable is None:
            raise DiskError.of(error, folder) from None
        raise SettingsError(
            f"{variable} names a folder that cannot be written to, {folder}: {error.strerror}. "
            "Name another one, or none"
        ) from None

"""Describe what Dixa sent by names and types, for the log.

Values may be personal data, and so may names that do not look like names of fields. At the level
DEBUG the beginning of the text is shown instead, without the token.
"""

import logging
import re
from collections.abc import Iterable
from itertools import islice
from types import NoneType
from typing import Any

import msgspec

from tap_dixa.hidden_token import beginning

_MOST_CHARACTERS = 200
_MOST_FIELDS = 20
_LONGEST_TEXT = 1 << 20
"""A longer text is not decoded to describe it, in bytes."""
_NAME = re.compile(r"(?!(?:.*\d){4})[A-Za-z_][\w-]{0,39}", re.ASCII)
_NO_NAME = "(not a plain name)"
_KEY = re.compile(r"[\w:=/+-]{1,80}", re.ASCII)
_NO_KEY = "(not a plain id)"
_KINDS = {b"": "empty", b"{": "an object", b"[": "an array", b"<": "HTML"}
"""What a text is that cannot be decoded, by its first character."""
_TYPES: dict[type, str] = {
    NoneType: "null",
    bool: "boolean",
    int: "integer",
    str: "string",
    list: "array",
    dict: "object",
}


def shown_text(text: bytes) -> str:
    """Describe a text that Dixa sent, such as a body, a record's JSON, or the beginning of one."""
    if shows_values():
        return repr(beginning(text.decode(errors="replace"), _MOST_CHARACTERS))
    try:
        value = msgspec.json.decode(text if len(text) <= _LONGEST_TEXT else b"")
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _KINDS.get(text.lstrip()[:1], "text that is not JSON")
    return shown_value(value)


def shown_value(value: Any) -> str:
    """Describe decoded JSON that Dixa sent, such as a row: its type and the names of its fields."""
    if shows_values():
        return beginning(repr(value), _MOST_CHARACTERS)
    if not isinstance(value, dict) or not value:
        return kind_of(value)
    fields = (f"{shown_name(name)} ({type_name(field)})" for name, field in value.items())
    rest = f" and {len(value) - _MOST_FIELDS} more" if len(value) > _MOST_FIELDS else ""
    return f"an object with {', '.join(islice(fields, _MOST_FIELDS))}{rest}"


def shown_path(path: Iterable[str | int]) -> str:
    """Write where a field is, as it may be shown: dots lead into objects, ``[]`` into arrays."""
    steps = ("[]" if isinstance(step, int) else f".{shown_name(step)}" for step in path)
    return "".join(steps).removeprefix(".")


def shown_name(name: str) -> str:
    """Return a field's name as it may be shown: what does not look like a name can be data."""
    return name if _NAME.fullmatch(name) else _NO_NAME


def shown_key(value: object) -> str:
    """Return a record's key as a log line may have it: it finds the record."""
    key = str(value)
    return key if _KEY.fullmatch(key) else _NO_KEY


def kind_of(value: Any) -> str:
    """Say what decoded JSON is, such as ``an object``, and show nothing of it."""
    kind = type_name(value)
    return kind if value is None else f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def type_name(value: Any) -> str:
    """Name the JSON type of decoded JSON."""
    return _TYPES.get(type(value), "number")


def shows_values() -> bool:
    """Whether log lines may quote what Dixa sent: at the level DEBUG."""
    return logging.getLogger("tap-dixa").isEnabledFor(logging.DEBUG)

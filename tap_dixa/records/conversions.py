"""Conversions of values to another type, without loss.

Each conversion takes decoded JSON that is not null, and raises `ValueError` for a value that it
cannot convert.
"""

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from tap_dixa import timestamps
from tap_dixa.records.json_numbers import HIGHEST, INTEGER, LOWEST, VALUE

_EXACT_FLOATS = 1 << 53
"""Up to this, a float is the integer that Dixa sent, and not one beside it."""
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,18}")
_BOOLEANS = {"true": True, "false": False}


class JsonType(NamedTuple):
    """A type of values that have no fields or items of their own."""

    convert: Callable[[Any], Any]
    decoded: Any
    """What msgspec decodes such a value to, and nothing else."""
    unchanged: frozenset[type] = frozenset()
    """The Python types whose values stay as they are, unseen."""


def _refuse(value: Any) -> Any:
    raise ValueError(value)


def _to_boolean(value: Any) -> bool:
    if value.__class__ is str and value in _BOOLEANS:
        return _BOOLEANS[value]
    raise ValueError(value)


def _to_integer(value: Any) -> int:
    whole: int = value if value.__class__ is int else _whole(value)
    if not LOWEST <= whole <= HIGHEST:
        raise ValueError(whole)
    return whole


def _whole(value: Any) -> int:
    if value.__class__ is float and value.is_integer() and abs(value) <= _EXACT_FLOATS:
        return int(value)
    if value.__class__ is str and _WHOLE.fullmatch(value):
        return int(value)
    raise ValueError(value)


def _to_number(value: Any) -> float:
    if value.__class__ is str:
        number = float(value)
        if math.isfinite(number) and repr(number) == value:
            return number
    return _to_integer(value)


def _to_text(value: Any) -> str:
    if value.__class__ is bool:
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError(value)


def _to_time(value: Any) -> str:
    """Convert Unix ms, or a text that can only be one time, to RFC 3339."""
    try:
        if value.__class__ is int:
            return timestamps.to_rfc3339(value)
        if value.__class__ is str:
            return timestamps.normalize(value)
        if value.__class__ is float and value.is_integer():
            return timestamps.to_rfc3339(int(value))
    except OverflowError:
        raise ValueError(value) from None
    raise ValueError(value)


TYPES = {
    "object": JsonType(_refuse, dict[str, VALUE], frozenset({dict})),
    "boolean": JsonType(_to_boolean, bool, frozenset({bool})),
    "integer": JsonType(_to_integer, INTEGER, frozenset({int})),
    "number": JsonType(_to_number, INTEGER | float, frozenset({int, float})),
    "string": JsonType(_to_text, str, frozenset({str})),
}
"""JSON Schema's types. In this order, a field of several keeps a value's own type if it can."""
TIME = JsonType(_to_time, int | str)
"""A time. What msgspec decodes it to is still to be converted."""
ANY = JsonType(_refuse, VALUE, frozenset({dict, list, bool, int, float, str}))
"""The type of a field without a type."""

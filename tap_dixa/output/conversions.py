"""Conversions of values to another type, without loss.

Each conversion takes decoded JSON that is not null, and raises `ValueError` for a value that it
cannot convert.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from tap_dixa import timestamps
from tap_dixa.output.json_numbers import HIGHEST, LOWEST, HugeNumber, storable

if TYPE_CHECKING:
    from collections.abc import Callable

_EXACT_FLOATS = 1 << 53
"""Up to this, a float is the integer that Dixa sent, and not one beside it."""
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,18}")
_BOOLEANS = {"true": True, "false": False}


def to_time(value: Any) -> str:
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


def _to_number(value: Any) -> Any:
    if value.__class__ is float:
        return value
    if value.__class__ is str:
        number = float(value)
        if math.isfinite(number) and repr(number) == value:
            return number
    return _to_integer(value)


def _to_boolean(value: Any) -> Any:
    if value.__class__ is bool:
        return value
    if value.__class__ is str and value in _BOOLEANS:
        return _BOOLEANS[value]
    raise ValueError(value)


def _to_object(value: Any) -> Any:
    if value.__class__ is dict:
        return storable(value)
    raise ValueError(value)


def _to_text(value: Any) -> str:
    if value.__class__ is bool:
        return "true" if value else "false"
    if isinstance(value, str | int | float | HugeNumber):
        return str(value)
    raise ValueError(value)


CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "object": _to_object,
    "boolean": _to_boolean,
    "integer": _to_integer,
    "number": _to_number,
    "string": _to_text,
}
"""The conversion to each of JSON Schema's types that holds no fields or items. In this order, a
field of several types keeps a value's own type if it can."""

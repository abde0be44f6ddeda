"""JSON numbers that no loader can store, which become strings.

Loaders keep integers in 64 bits and other numbers as floats. ``9223372036854775808`` is too long
for the one, ``1e400`` for the other.
"""

import json
import math
from typing import Annotated, Any

import msgspec

LOWEST, HIGHEST = -(1 << 63), (1 << 63) - 1
"""The integers that fit in 64 bits, from and to."""

INTEGER: Any = Annotated[int, msgspec.Meta(ge=LOWEST, le=HIGHEST)]
"""What msgspec decodes these integers to, and no other number."""

_DEPTH = 3
_DEEPEST = 501
"""How many levels of objects and arrays a record has at most, itself included. Python and its
libraries stop somewhat further on, some of them only when the record is written."""
_DIGITS = len(str(LOWEST))


def _values(depth: int) -> Any:
    scalars = INTEGER | float | str | bool | None
    if depth == 0:
        return scalars
    inner: Any = _values(depth - 1)
    return scalars | list[inner] | dict[str, inner]


VALUE: Any = _values(_DEPTH)
"""What msgspec decodes any JSON to, if it is not nested more deeply than usual and all of its
numbers can be stored. To check that costs nothing here."""

_RECORD = msgspec.json.Decoder(_values(_DEPTH + 3))


def decode(text: bytes | msgspec.Raw) -> Any:
    """Decode JSON that is known to be valid. Numbers that no loader can store become strings.

    What is nested too deeply to be written raises RecursionError.
    """
    try:
        return _RECORD.decode(text)
    except msgspec.ValidationError:
        return storable(json.loads(bytes(text), parse_int=_integer, parse_float=_float))


def storable(value: Any) -> Any:
    """Return what `decode` gave, or raise RecursionError if it is too deep to be written."""
    level: list[Any] = [[value]]
    for _ in range(_DEEPEST + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return value
    raise RecursionError(f"it is nested more than {_DEEPEST} levels deep")


def _integer(text: str) -> int | str:
    if len(text) <= _DIGITS and LOWEST <= int(text) <= HIGHEST:
        return int(text)
    return text


def _float(text: str) -> float | str:
    number = float(text)
    return text if math.isinf(number) else number

"""JSON numbers that no loader can store, which become strings.

Loaders keep integers in 64 bits and other numbers as floats. ``9223372036854775808`` is too long
for the one, ``1e400`` for the other.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

LOWEST, HIGHEST = -(1 << 63), (1 << 63) - 1
"""The integers that fit in 64 bits, from and to."""

INTEGER: Any = Annotated[int, msgspec.Meta(ge=LOWEST, le=HIGHEST)]
"""What msgspec decodes these integers to, and no other number."""

_DEPTH = 3
_DEEPEST = 500
"""How many levels of objects and arrays a value has at most. Python and its libraries stop somewhat
further on, some of them only when the record is written."""
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


class _Checked(msgspec.Struct):
    """A value of the type `VALUE`: a type in a structure is not looked up again each time."""

    value: VALUE


class HugeNumber:
    """A number with too many digits for Python.

    Args:
        text: Its text, as Dixa sent it.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


def decode(text: bytes | msgspec.Raw) -> Any:
    """Decode JSON that is known to be valid.

    Returns:
        What msgspec decodes it to, with a `HugeNumber` for each number that msgspec refuses.
    """
    try:
        return msgspec.json.decode(text)
    except msgspec.ValidationError:
        return json.loads(bytes(text), parse_int=_integer, parse_float=_float)


def storable(value: Any) -> Any:
    """Replace the numbers that no loader can store by their text.

    Args:
        value: Decoded JSON. Objects and arrays are changed in place, at any depth.

    Raises:
        RecursionError: It is nested too deeply to be written.
    """
    try:
        msgspec.convert({"value": value}, _Checked)
    except msgspec.ValidationError:
        return _storable(value)
    return value


def _storable(value: Any) -> Any:
    # No recursion: JSON may be nested more deeply than Python allows calls to be.
    root = [value]
    containers: list[tuple[Any, int]] = [(root, 0)]
    while containers:
        container, depth = containers.pop()
        if depth > _DEEPEST:
            raise RecursionError(f"a value is nested more than {_DEEPEST} levels deep")
        items: Iterable[tuple[Any, Any]] = (
            container.items() if container.__class__ is dict else enumerate(container)
        )
        for key, item in items:
            if item.__class__ is dict or item.__class__ is list:
                containers.append((item, depth + 1))
            elif item.__class__ is HugeNumber or (
                item.__class__ is int and not LOWEST <= item <= HIGHEST
            ):
                container[key] = str(item)
    return root[0]


def _integer(text: str) -> int | HugeNumber:
    return int(text) if len(text) <= _DIGITS else HugeNumber(text)


def _float(text: str) -> float | HugeNumber:
    number = float(text)
    return HugeNumber(text) if math.isinf(number) else number

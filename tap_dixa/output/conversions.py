"""What a field of a schema accepts, and what becomes such a value without loss.

Both normalizers are built from this one description: that of decoded JSON, and that of its text.
"""

from __future__ import annotations

import re
from functools import reduce
from operator import or_
from types import NoneType
from typing import TYPE_CHECKING, Any, Final

from tap_dixa import timestamps
from tap_dixa.output.json_numbers import HIGHEST, INTEGER, LOWEST, VALUE, HugeNumber, storable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MISFIT: Final = object()
"""What stands for a value that does not fit: without loss, it is none of the field's."""

_EXACT_FLOATS = 1 << 53
"""Up to this, a float is the integer that Dixa sent, and not one beside it."""
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,18}")


class FieldType:
    """What a field accepts.

    Args:
        schema: The field's JSON Schema. Without ``type``, it accepts everything.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        given = schema.get("type", ())
        types = {given} if isinstance(given, str) else set(given)
        self._types = frozenset(types - {"null"})
        self._is_open = not types
        self.is_nullable = not types or "null" in types
        """Whether it may be null."""
        items = schema.get("items")
        self.items = (
            FieldType(items if isinstance(items, dict) else {}) if "array" in types else None
        )
        """What the items accept, if it is an array. A single value stands for an array of one."""
        self.is_time = (
            "string" in types and self.items is None and schema.get("format") == "date-time"
        )
        """Whether it is a time."""
        has_fields = "properties" in schema and (self._is_open or "object" in types)
        self.is_object = has_fields and self._types == {"object"}
        """Whether it is an object whose fields are known, and nothing else."""
        self.is_plain: bool = not has_fields and (self.items is None or self.items.is_plain)
        """Whether nothing in it has known fields of its own."""

    @property
    def has_texts(self) -> bool:
        """Whether it may be any text."""
        return self._is_open or ("string" in self._types and not self.is_time)

    @property
    def unchanged(self) -> frozenset[type]:
        """The Python types whose values stay as they are, unseen."""
        names = {"boolean", "number", "string"} if self._is_open else self._types
        found = {_UNCHANGED[name] for name in names & _UNCHANGED.keys()}
        if self.is_time:
            found.discard(str)
        if self.items is not None:
            found.clear()
        return frozenset({*found, NoneType} if self.is_nullable else found)

    def decoded(self) -> Any:
        """Build the type that msgspec decodes what is accepted to, and nothing else.

        Returns:
            None if there is more to accept than such a type says.
        """
        if self.is_time or self.items is not None or not self.is_plain:
            return None
        if self._is_open:
            return VALUE
        types = [_DECODED[name] for name in _DECODED if name in self._types]
        types += [NoneType] if self.is_nullable else []
        return reduce(or_, types) if types else None

    @property
    def converter(self) -> Callable[[Any], Any]:
        """A function that converts a value that is not null, without loss.

        It returns `MISFIT` for a value that it cannot convert. What is in an object with known
        fields is not its business.
        """
        if self._is_open:
            return storable
        if self.is_time:
            return _to_time
        if self.items is not None:
            return _to_array_of(self.items)
        conversions = [_CONVERSIONS[name] for name in _CONVERSIONS if name in self._types]
        if len(conversions) == 1:
            return conversions[0]

        def convert(value: Any) -> Any:
            for one in conversions:
                if (converted := one(value)) is not MISFIT:
                    return converted
            return MISFIT

        return convert


def _to_array_of(items: FieldType) -> Callable[[Any], Any]:
    unchanged, convert = items.unchanged, items.converter

    def to_array(value: Any) -> Any:
        given = value if value.__class__ is list else [value]
        if unchanged.issuperset(map(type, given)):
            return given
        converted = [
            part if part.__class__ in unchanged else MISFIT if part is None else convert(part)
            for part in given
        ]
        # Without one of its items, an array would say something else.
        return MISFIT if MISFIT in converted else converted

    return to_array


def _to_time(value: Any) -> Any:
    try:
        if value.__class__ is int:
            return timestamps.to_rfc3339(value)
        if value.__class__ is str:
            return timestamps.normalize(value)
        if value.__class__ is float and value.is_integer():
            return timestamps.to_rfc3339(int(value))
    except (OverflowError, ValueError):
        pass
    return MISFIT


def _to_integer(value: Any) -> Any:
    if value.__class__ is int:
        whole = value
    elif value.__class__ is float:
        if not value.is_integer() or abs(value) > _EXACT_FLOATS:
            return MISFIT
        whole = int(value)
    elif value.__class__ is str and _WHOLE.fullmatch(value):
        whole = int(value)
    else:
        return MISFIT
    return whole if LOWEST <= whole <= HIGHEST else MISFIT


def _to_number(value: Any) -> Any:
    if value.__class__ is float:
        return value
    if (whole := _to_integer(value)) is not MISFIT:
        return whole
    try:
        if value.__class__ is str and repr(number := float(value)) == value:
            return number if abs(number) < float("inf") else MISFIT
    except ValueError:
        pass
    return MISFIT


def _to_boolean(value: Any) -> Any:
    if value.__class__ is bool:
        return value
    return {"true": True, "false": False}.get(value, MISFIT) if value.__class__ is str else MISFIT


def _to_object(value: Any) -> Any:
    return storable(value) if value.__class__ is dict else MISFIT


def _to_text(value: Any) -> Any:
    if value.__class__ is str:
        return value
    if value.__class__ is bool:
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float | HugeNumber) else MISFIT


# In this order, a field of several types keeps a value's own type if it can.
_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "object": _to_object,
    "boolean": _to_boolean,
    "integer": _to_integer,
    "number": _to_number,
    "string": _to_text,
}
_DECODED = {
    "object": dict[str, VALUE],
    "boolean": bool,
    "integer": INTEGER,
    "number": INTEGER | float,
    "string": str,
}
_UNCHANGED = {"boolean": bool, "number": float, "string": str}

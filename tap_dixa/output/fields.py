"""The fields of a schema: what they accept and convert.

Both ways of normalizing a record are built from these: the plain one, which calls ``convert``, and
the compiled one, in which msgspec decodes to the ``decoded`` types.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import reduce
from operator import or_
from types import NoneType
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_dixa.output.conversions import CONVERSIONS, to_time
from tap_dixa.output.json_numbers import INTEGER, VALUE, storable
from tap_dixa.output.structures import TIME, build_structure, is_possible

if TYPE_CHECKING:
    from collections.abc import Mapping

    Path = tuple[str | int, ...]
    """Where in a record something is: names of fields, and offsets in arrays."""

_UNCHANGED = {"boolean": bool, "number": float, "string": str}
_DECODED = {
    "object": dict[str, VALUE],
    "boolean": bool,
    "integer": INTEGER,
    "number": INTEGER | float,
    "string": str,
}


class Moved(NamedTuple):
    """A misfit: a value that no field of the schema holds."""

    path: Path
    value: Any
    field: Field | None
    """The field that it does not fit, or None if the schema has no such field."""


class Field(ABC):
    """What a field accepts.

    Args:
        types: The JSON Schema types that it accepts. None at all is any.
        decoded: The type that msgspec decodes to what is accepted but null, and nothing else. None
            if there is none.
        unchanged: The Python types whose values stay as they are, unseen.
    """

    def __init__(self, types: frozenset[str], decoded: Any, *unchanged: type) -> None:
        self.is_nullable = not types or "null" in types
        """Whether it may be null."""
        self.decoded = decoded | None if decoded and self.is_nullable else decoded
        """The type that msgspec decodes what is accepted to, and nothing else, or None."""
        self.unchanged = frozenset({*unchanged, NoneType} if self.is_nullable else unchanged)
        """The Python types whose values stay as they are, unseen."""

    @abstractmethod
    def convert(self, value: Any, moved: list[Moved], path: Path) -> Any:
        """Convert a value.

        Args:
            value: Decoded JSON.
            moved: What is in the value and has no field there is added to it.
            path: Where the value is.

        Raises:
            ValueError: The value cannot be converted without loss.
        """


class AnyField(Field):
    """A field without a type."""

    def __init__(self) -> None:
        super().__init__(frozenset(), VALUE, bool, float, str)

    def convert(self, value: Any, moved: list[Moved], path: Path) -> Any:  # noqa: ARG002, D102
        return storable(value)


class TimeField(Field):
    """A time: Unix ms and any ISO 8601 become RFC 3339."""

    def __init__(self, types: frozenset[str]) -> None:
        super().__init__(types, TIME)

    def convert(self, value: Any, moved: list[Moved], path: Path) -> str:  # noqa: ARG002, D102
        return to_time(value)


class ScalarField(Field):
    """A text, a number, a boolean, an object without fields of its own, or several of these."""

    def __init__(self, types: frozenset[str]) -> None:
        decoded = [_DECODED[name] for name in _DECODED if name in types]
        unchanged = [_UNCHANGED[name] for name in _UNCHANGED if name in types]
        super().__init__(types, reduce(or_, decoded) if decoded else None, *unchanged)
        self._conversions = [CONVERSIONS[name] for name in CONVERSIONS if name in types]
        self.is_text = types - {"null"} == {"string"}
        """Whether it is a text."""

    def convert(self, value: Any, moved: list[Moved], path: Path) -> Any:  # noqa: ARG002, D102
        for conversion in self._conversions:
            try:
                return conversion(value)
            except ValueError:
                continue
        raise ValueError(value)


class ArrayField(Field):
    """An array. A single value stands for an array of one: Dixa sends `to` either way."""

    def __init__(self, types: frozenset[str], items: Field) -> None:
        self.has_texts = isinstance(items, ScalarField) and items.is_text
        """Whether its items are texts."""
        decoded: Any = None if items.decoded is None else list[items.decoded]  # type: ignore[name-defined]
        super().__init__(types, decoded | str if self.has_texts else decoded)
        self._items = items

    def convert(self, value: Any, moved: list[Moved], path: Path) -> list[Any]:  # noqa: D102
        items = value if value.__class__ is list else [value]
        unchanged, convert = self._items.unchanged, self._items.convert
        if unchanged.issuperset(map(type, items)):
            return items
        # If one item does not fit, the whole array moves: without it, it would say something else.
        inside: list[Moved] = []
        converted = [
            item if item.__class__ in unchanged else convert(item, inside, (*path, offset))
            for offset, item in enumerate(items)
        ]
        moved += inside
        return converted


class ObjectField(Field):
    """An object with fields, or a value of another type if the schema allows that too."""

    def __init__(self, types: frozenset[str], properties: Mapping[str, Any]) -> None:
        self.fields = {name: field_of(schema) for name, schema in properties.items()}
        """Its fields, by name."""
        self._unchanged = {name: field.unchanged for name, field in self.fields.items()}
        others = types - {"object", "null"}
        self._other = ScalarField(others) if types else AnyField()
        super().__init__(types, self.structure({}) if types and not others else None)

    def structure(self, new: Mapping[str, Any]) -> Any:
        """Build what msgspec decodes such an object to.

        Args:
            new: The types of the fields that it has beside its own, by name.
        """
        fields = {
            name: field
            for name, field in self.fields.items()
            if field.decoded is not None and is_possible(name)
        }
        return build_structure(
            {**{name: field.decoded for name, field in fields.items()}, **new},
            times=[name for name, field in fields.items() if isinstance(field, TimeField)],
            texts=[
                name
                for name, field in fields.items()
                if isinstance(field, ArrayField) and field.has_texts
            ],
        )

    def convert(self, value: Any, moved: list[Moved], path: Path) -> Any:  # noqa: D102
        if value.__class__ is dict:
            fields = value.copy()  # the array that it is in may still move whole, as it came
            self.normalize(fields, moved, path)
            return fields
        return self._other.convert(value, moved, path)

    # Every field of a record passes here, most of them without a call.
    def normalize(self, value: dict[str, Any], moved: list[Moved], path: Path) -> None:
        """Make an object fit, in place, as `convert` does."""
        fields, unchanged = self.fields, self._unchanged
        if not value.keys() <= fields.keys():
            new = [name for name in value if name not in fields]
            moved += [Moved((*path, name), value.pop(name), None) for name in new]
        misfits = []
        for name, inner in value.items():
            if inner.__class__ not in unchanged[name]:
                try:
                    value[name] = fields[name].convert(inner, moved, (*path, name))
                except ValueError:
                    misfits.append(name)
        for name in misfits:
            inner = value[name]
            if fields[name].is_nullable:
                value[name] = None
            else:
                del value[name]
            if inner is not None:
                moved.append(Moved((*path, name), inner, fields[name]))


def field_of(schema: Any) -> Field:
    """Build a field from its JSON Schema."""
    if not isinstance(schema, dict):
        return AnyField()
    given = schema.get("type", ())
    types = frozenset([given] if isinstance(given, str) else given)
    if "array" in types:
        return ArrayField(types, field_of(schema.get("items")))
    if "properties" in schema and (not types or "object" in types):
        return ObjectField(types, schema["properties"])
    if not types:
        return AnyField()
    if "string" in types and schema.get("format") == "date-time":
        return TimeField(types)
    return ScalarField(types)

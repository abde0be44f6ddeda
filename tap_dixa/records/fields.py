"""The fields of a schema: what they accept and convert.

Both ways of normalizing a record are built from these: the plain one, which calls ``convert``, and
the compiled one, in which msgspec decodes to the ``decoded`` types.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from types import NoneType
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from tap_dixa.records.conversions import ANY, TIME, TYPES, JsonType
from tap_dixa.timestamps import normalize, to_rfc3339

Path = tuple[str | int, ...]
"""Where in a record something is: names of fields, and offsets in arrays."""

_PLAIN_NAME = re.compile(r"[\w .-]{1,100}")


class Moved(NamedTuple):
    """A value that no field holds: of a new field, or a misfit."""

    path: Path
    value: Any
    field: Field | None
    """The field that it does not fit, or None if the schema has no such field."""


class Field(ABC):
    """What a field accepts: values of some JSON Schema types, or of any if there are none."""

    is_time = False
    """Whether it is a time, which msgspec decodes to a number or a text."""
    may_be_single = False
    """Whether it is an array that msgspec decodes to a text if Dixa sends a single one."""

    def __init__(
        self, types: frozenset[str], decoded: Any, unchanged: frozenset[type] = frozenset()
    ) -> None:
        self.is_nullable = not types or "null" in types
        """Whether it may be null."""
        self.decoded = decoded | None if self.is_nullable else decoded
        """The type that msgspec decodes what is accepted to, and nothing else."""
        self.unchanged = unchanged | {NoneType} if self.is_nullable else unchanged
        """The Python types whose values stay as they are, unseen."""

    @abstractmethod
    def convert(self, value: Any, moved: list[Moved], path: Path) -> Any:
        """Convert decoded JSON, or raise ValueError if that would lose something.

        What is in the value and has no field there is added to ``moved``.
        """


class ScalarField(Field):
    """A text, a number, a boolean, a time, an object without fields of its own, or several."""

    def __init__(self, types: frozenset[str], accepted: Sequence[JsonType]) -> None:
        unchanged = frozenset[type]().union(*(each.unchanged for each in accepted))
        super().__init__(types, reduce(or_, (each.decoded for each in accepted)), unchanged)
        self.is_time = accepted == [TIME]
        self.is_text = accepted == [TYPES["string"]]
        self._conversions = [each.convert for each in accepted]

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
        self._items = items
        self.may_be_single = isinstance(items, ScalarField) and items.is_text
        decoded: Any = list[items.decoded]  # type: ignore[name-defined]
        super().__init__(types, decoded | str if self.may_be_single else decoded)

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
    """An object with fields."""

    def __init__(self, types: frozenset[str], properties: Mapping[str, Any]) -> None:
        self.fields = {name: field_of(schema) for name, schema in properties.items()}
        """Its fields, by name."""
        self._unchanged = {name: field.unchanged for name, field in self.fields.items()}
        super().__init__(types, self.structure({}))

    def structure(self, new: Mapping[str, Any]) -> Any:
        """Build what msgspec decodes an object to, that has these fields, new ones and no other."""
        own = {name: field for name, field in self.fields.items() if is_plain(name)}
        types = {**{name: field.decoded for name, field in own.items()}, **new}
        # A name comes from the user's catalog or from Dixa, and may be none in Python.
        attributes = {name: f"field_{number}" for number, name in enumerate(types)}
        times = [attributes[name] for name, field in own.items() if field.is_time]
        arrays = [attributes[name] for name, field in own.items() if field.may_be_single]

        def convert(decoded: Any) -> None:
            for attribute in times:
                value = getattr(decoded, attribute)
                if value.__class__ is int:
                    setattr(decoded, attribute, to_rfc3339(value))
                elif value.__class__ is str:
                    setattr(decoded, attribute, normalize(value))
            for attribute in arrays:
                value = getattr(decoded, attribute)
                if value.__class__ is str:
                    setattr(decoded, attribute, [value])

        return msgspec.defstruct(
            "Object",
            [(attributes[name], decoded, UNSET) for name, decoded in types.items()],
            rename={attribute: name for name, attribute in attributes.items()},
            namespace={"__post_init__": convert} if times or arrays else {},
            forbid_unknown_fields=True,
            gc=False,
        )

    def convert(self, value: Any, moved: list[Moved], path: Path) -> Any:  # noqa: D102
        if value.__class__ is not dict:
            raise ValueError(value)
        fields = value.copy()  # the array that it is in may still move whole, as it came
        self.normalize(fields, moved, path)
        return fields

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
            inner, field = value[name], fields[name]
            if field.is_nullable:
                value[name] = None
            else:
                del value[name]
            if inner is not None:
                moved.append(Moved((*path, name), inner, field))


def json_types(schema: Mapping[str, Any]) -> frozenset[Any]:
    """Return the JSON Schema types that a field may have, ``null`` too; none if any may be."""
    given = schema.get("type", ())
    return frozenset([given] if isinstance(given, str) else given)


def field_of(schema: Mapping[str, Any]) -> Field:
    """Build a field from its JSON Schema."""
    types = json_types(schema)
    if "array" in types:
        return ArrayField(types, field_of(schema.get("items") or {}))
    if "object" in types and "properties" in schema:
        return ObjectField(types, schema["properties"])
    if schema.get("format") == "date-time":
        return ScalarField(types, [TIME])
    return ScalarField(types, [TYPES[name] for name in TYPES if name in types] or [ANY])


def is_plain(name: str) -> bool:
    """Whether a structure has a field of this name: any other name may be data."""
    return _PLAIN_NAME.fullmatch(name) is not None


def attribute_of(structure: Any, name: str) -> str:
    """Return the attribute that holds a field in a structure."""
    number = structure.__struct_encode_fields__.index(name)
    return str(structure.__struct_fields__[number])

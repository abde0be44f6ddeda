"""The msgspec structures of objects, built from their schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from tap_dixa.timestamps import normalize, to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

TIME: Any = int | str
"""What a time is decoded to: a structure then converts it."""


def build_structure(
    types: Mapping[str, Any], times: Collection[str] = (), texts: Collection[str] = ()
) -> type[msgspec.Struct]:
    """Build a structure. msgspec refuses an object that has other fields, or other values.

    Args:
        types: The type of each field, by name.
        times: The fields that are a `TIME`, or null.
        texts: The fields that are arrays, and may be a single text instead.
    """
    # A name comes from the user's catalog or from Dixa, and may be none in Python.
    attributes = {name: f"field_{number}" for number, name in enumerate(types)}
    time_attributes = [attributes[name] for name in times]
    text_attributes = [attributes[name] for name in texts]

    def convert(record: Any) -> None:
        for attribute in time_attributes:
            value = getattr(record, attribute)
            if value.__class__ is int:
                setattr(record, attribute, to_rfc3339(value))
            elif value.__class__ is str:
                setattr(record, attribute, normalize(value))
        for attribute in text_attributes:
            value = getattr(record, attribute)
            if value.__class__ is str:
                setattr(record, attribute, [value])

    return msgspec.defstruct(
        "Object",
        [(attributes[name], kind, UNSET) for name, kind in types.items()],
        rename={attribute: name for name, attribute in attributes.items()},
        namespace={"__post_init__": convert} if times or texts else {},
        forbid_unknown_fields=True,
        gc=False,
    )


def is_possible(name: str) -> bool:
    """Whether a structure can have a field: its name has no quotes or control characters."""
    return name.isprintable() and not {'"', "\\"}.intersection(name)


def attribute_of(structure: Any, name: str) -> str:
    """Return the attribute that holds a field in a structure."""
    number = structure.__struct_encode_fields__.index(name)
    return str(structure.__struct_fields__[number])

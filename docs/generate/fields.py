"""What a stream's JSON Schema says about its fields, in words."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

UNITS = {
    "in milliseconds": "ms",
    "in seconds": "s",
    "without a unit": "none",
    "unit is not documented": "not documented",
}
"""The words by which a description tells a number's unit, and the unit's short name."""

_LONG = 120
"""A description with more characters is long."""

_TYPES = {"string": "text", "object": "JSON"}


@dataclass(frozen=True, slots=True)
class Field:
    """A field, as the reference shows it."""

    path: str
    """Its name, with dots into objects and ``[]`` into arrays."""

    type: str
    """Its type, such as ``text[]``."""

    unit: str
    """A number's unit, or nothing."""

    description: str
    """What it is."""


def fields_of(
    schema: dict[str, Any], path: str = "", stream: str = "", seen: dict[str, str] | None = None
) -> Iterator[Field]:
    """Give the fields of an object's schema at every level, in order.

    Args:
        schema: The schema.
        path: What the names begin with.
        stream: The stream that the schema is of.
        seen: Objects and long descriptions that have been given, with where: one that is equal
            refers to it. None if each is to be given.
    """
    for name, field in schema.get("properties", {}).items():
        inner = f"{path}{name}"
        said = field["description"]
        if seen is not None and len(said) > _LONG:
            said = f"As `{seen[said]}`." if said in seen else said
            seen.setdefault(field["description"], f"{stream}.{inner}")
        yield Field(inner, type_of(field), unit_of(field["description"]), said)
        for part, prefix in ((field, f"{inner}."), (field.get("items", {}), f"{inner}[].")):
            content = json.dumps(part.get("properties"))
            if seen and content in seen:
                yield Field(f"{prefix}…", "", "", f"As `{seen[content]}…`.")
                continue
            if seen is not None and len(part.get("properties", ())) > 1:
                seen[content] = f"{stream}.{prefix}"
            yield from fields_of(part, prefix, stream, seen)


def type_of(schema: dict[str, Any]) -> str:
    """Name a type as a warehouse's user knows it.

    Raises:
        ValueError: The schema allows more than one type.
    """
    (kind,) = {schema["type"]} if isinstance(schema["type"], str) else {*schema["type"]} - {"null"}
    if kind == "array":
        return f"{type_of(schema['items'])}[]"
    if schema.get("format") == "date-time":
        return "timestamp (UTC)"
    return "object" if "properties" in schema else _TYPES.get(kind, kind)


def unit_of(description: str) -> str:
    """Give the unit that a description tells, or nothing."""
    return next((unit for words, unit in UNITS.items() if words in description), "")

"""Compare JSON as Dixa sends it with a schema: names and types only, never values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_dixa.log_shapes import shown_name, type_name

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROW = "(the record itself)"


class FieldCheck:
    """Gathers what a stream's schema does not know of its records.

    A name that does not look like one, such as an id or an address, is not shown: an object's
    names can be data.

    Args:
        schema: The stream's JSON Schema, an object with ``properties``.
        other_names: Top-level fields that have a second name, and the schema's name for them.
    """

    def __init__(self, schema: dict[str, Any], other_names: Mapping[str, str]) -> None:
        properties = schema["properties"]
        aliases = {name: properties[first] for name, first in other_names.items()}
        self._record_schema = {**schema, "properties": {**properties, **aliases}}
        self.records = 0
        """How many records have been checked."""
        self.unknown: dict[str, set[str]] = {}
        """The types of each field that the schema does not have, by its path. A path has dots
        into objects and ``[]`` into arrays."""
        self.unexpected: dict[str, tuple[set[str], list[str]]] = {}
        """The types of a field that its schema does not allow, and those that it allows."""

    def check(self, record: Any) -> None:
        """Check one record, as decoded JSON."""
        self.records += 1
        self._check(record, self._record_schema, "")

    def _check(self, value: Any, schema: dict[str, Any], path: str) -> None:
        allowed = _allowed(schema)
        kind = type_name(value)
        if "array" in allowed and kind != "null":
            # A single value stands for an array of one.
            items = schema.get("items", {})
            for item in value if kind == "array" else [value]:
                self._check(item, items, f"{path}[]")
        elif allowed and kind not in allowed:
            self.unexpected.setdefault(path or _ROW, (set(), allowed))[0].add(kind)
        elif kind == "object" and "properties" in schema:
            self._check_object(value, schema["properties"], f"{path}." if path else "")

    def _check_object(self, value: dict[str, Any], properties: dict[str, Any], path: str) -> None:
        for name, field in value.items():
            if name in properties:
                self._check(field, properties[name], f"{path}{name}")
            else:
                self.unknown.setdefault(f"{path}{shown_name(name)}", set()).add(type_name(field))


def _allowed(schema: dict[str, Any]) -> list[str]:
    types = schema.get("type", [])
    allowed = [types] if isinstance(types, str) else list(types)
    if schema.get("format") == "date-time":
        allowed += ["integer", "number"]  # Unix ms
    elif "number" in allowed:
        allowed.append("integer")
    return allowed

"""One representation of each field: records as Dixa sends them, made to fit their schema.

The schema alone decides what happens to a field:

- ``"format": "date-time"``: Unix milliseconds and any ISO 8601 become RFC 3339;
- ``"type": ["array", …]``: a single value becomes an array of one (Dixa sends `to` and the
  values of custom fields either way);
- an object with ``properties``: the same again inside it;
- not in the schema: dropped, and reported.

Everything else is unchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_dixa import timestamps
from tap_dixa.timestamps import to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Normalizer = Callable[[Any], Any]


def compile_normalizer(
    schema: dict[str, Any],
    report_unknown: Callable[[str], None],
    other_names: Mapping[str, str] | None = None,
) -> Normalizer:
    """Build the function that normalizes a stream's records.

    Args:
        schema: The stream's JSON Schema, an object with ``properties``.
        report_unknown: Called with the dotted path of each field that the schema does not have,
            whenever there is one.
        other_names: Top-level fields that have a second name, and the schema's name for them.

    Returns:
        A function that makes a record as Dixa sends it fit the schema, in place.
    """
    return _object_normalizer(schema, report_unknown, "", other_names or {})


def _object_normalizer(
    schema: dict[str, Any],
    report_unknown: Callable[[str], None],
    path: str,
    other_names: Mapping[str, str],
) -> Normalizer:
    properties = schema["properties"]
    known = properties.keys()
    times = [name for name, field in properties.items() if field.get("format") == "date-time"]
    nested = [
        (name, inner)
        for name, field in properties.items()
        if (inner := _field_normalizer(field, report_unknown, f"{path}{name}")) is not None
    ]

    def take_unknown(value: dict[str, Any]) -> None:
        for name in value.keys() - known:
            part = value.pop(name)
            if name in other_names:
                if value.get(other_names[name]) is None:
                    value[other_names[name]] = part
            else:
                report_unknown(f"{path}{name}")

    # Every record passes here, so it touches only the fields that need it.
    def normalize(value: Any) -> Any:
        if value.__class__ is not dict:
            return value
        if not value.keys() <= known:
            take_unknown(value)
        get = value.get
        for name in times:
            time = get(name)
            if time.__class__ is int:
                value[name] = to_rfc3339(time)
            elif time.__class__ is str:
                value[name] = timestamps.normalize(time)
            elif time.__class__ is float:
                value[name] = to_rfc3339(round(time))
        for name, inner in nested:
            part = get(name)
            if part is not None:
                value[name] = inner(part)
        return value

    return normalize


def _field_normalizer(
    schema: dict[str, Any], report_unknown: Callable[[str], None], path: str
) -> Normalizer | None:
    types = schema.get("type", [])
    if "array" in types:
        return _array_normalizer(schema.get("items", {}), report_unknown, path)
    if "object" in types and "properties" in schema:
        return _object_normalizer(schema, report_unknown, f"{path}.", {})
    return None


def _array_normalizer(
    items: dict[str, Any], report_unknown: Callable[[str], None], path: str
) -> Normalizer:
    item = _field_normalizer(items, report_unknown, path)

    def normalize(value: Any) -> list[Any]:
        values: list[Any] = value if value.__class__ is list else [value]
        return values if item is None else [item(part) for part in values]

    return normalize

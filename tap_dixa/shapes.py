"""The one shape of each field: what Dixa sends, made into what the stream's schema promises.

The schema alone says what happens to a field:

- ``"format": "date-time"``: Unix milliseconds and any ISO 8601 become RFC 3339, one way;
- ``"type": ["array", …]``: a value that comes alone becomes an array of one (`to` and the
  values of custom fields come both ways);
- an object with ``properties``: the same again inside it;
- not in the schema: dropped, and reported.

Everything else passes as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_dixa.timestamps import rewrite, to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Shape = Callable[[Any], Any]


def compile_shape(
    schema: dict[str, Any],
    unknown: Callable[[str], None],
    other_names: Mapping[str, str] | None = None,
) -> Shape:
    """Build the function that shapes a stream's records.

    Args:
        schema: The stream's JSON Schema, an object with ``properties``.
        unknown: Called with the dotted path of each field that the schema does not know, every
            time one is met.
        other_names: Top-level fields that go by a second name, and the schema's name for them.

    Returns:
        A function that makes a record as Dixa sends it fit the schema, in place.
    """
    return _object_shape(schema, unknown, "", other_names or {})


def _object_shape(
    schema: dict[str, Any],
    unknown: Callable[[str], None],
    path: str,
    other_names: Mapping[str, str],
) -> Shape:
    properties = schema["properties"]
    known = properties.keys()
    times = [name for name, field in properties.items() if field.get("format") == "date-time"]
    deeper = [
        (name, inner)
        for name, field in properties.items()
        if (inner := _field_shape(field, unknown, f"{path}{name}")) is not None
    ]

    def tidy(value: dict[str, Any]) -> None:
        for name in value.keys() - known:
            part = value.pop(name)
            if name in other_names:
                if value.get(other_names[name]) is None:
                    value[other_names[name]] = part
            else:
                unknown(f"{path}{name}")

    # Every record passes here, so it touches only the fields that need it.
    def shape(value: Any) -> Any:
        if value.__class__ is not dict:
            return value
        if not value.keys() <= known:
            tidy(value)
        get = value.get
        for name in times:
            moment = get(name)
            if moment.__class__ is int:
                value[name] = to_rfc3339(moment)
            elif moment.__class__ is str:
                value[name] = rewrite(moment)
            elif moment.__class__ is float:
                value[name] = to_rfc3339(round(moment))
        for name, inner in deeper:
            part = get(name)
            if part is not None:
                value[name] = inner(part)
        return value

    return shape


def _field_shape(schema: dict[str, Any], unknown: Callable[[str], None], path: str) -> Shape | None:
    types = schema.get("type", [])
    if "array" in types:
        return _array_shape(schema.get("items", {}), unknown, path)
    if "object" in types and "properties" in schema:
        return _object_shape(schema, unknown, f"{path}.", {})
    return None


def _array_shape(items: dict[str, Any], unknown: Callable[[str], None], path: str) -> Shape:
    item = _field_shape(items, unknown, path)

    def shape(value: Any) -> list[Any]:
        values: list[Any] = value if value.__class__ is list else [value]
        return values if item is None else [item(part) for part in values]

    return shape

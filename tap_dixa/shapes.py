"""The one shape of each field: what Dixa sends, made into what the stream's schema promises.

The schema alone says what happens to a field:

- ``"format": "date-time"``: Unix milliseconds become RFC 3339;
- ``"type": ["array", …]``: a value that comes alone becomes an array of one (`to` and the
  values of custom fields come both ways);
- an object with ``properties``: the same again inside it;
- not in the schema: dropped, and reported.

Everything else passes as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_dixa.timestamps import to_rfc3339

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
        A function from a record as Dixa sends it to a new one that fits the schema.
    """
    names = {**(other_names or {}), **{name: name for name in schema["properties"]}}
    return _object_shape(schema, unknown, "", names)


def _object_shape(
    schema: dict[str, Any],
    unknown: Callable[[str], None],
    path: str,
    names: Mapping[str, str] | None = None,
) -> Shape:
    properties = schema["properties"]
    fields = {
        name: (known, _field_shape(properties[known], unknown, f"{path}{known}"))
        for name, known in (names or dict(zip(properties, properties, strict=True))).items()
    }

    def shape(value: dict[str, Any]) -> dict[str, Any]:
        shaped = {}
        for name, part in value.items():
            try:
                known, field = fields[name]
            except KeyError:
                unknown(f"{path}{name}")
                continue
            shaped[known] = part if field is None or part is None else field(part)
        return shaped

    return shape


def _field_shape(schema: dict[str, Any], unknown: Callable[[str], None], path: str) -> Shape | None:
    types = schema.get("type", [])
    if schema.get("format") == "date-time":
        return _time_shape
    if "array" in types:
        return _array_shape(_field_shape(schema.get("items", {}), unknown, path))
    if "object" in types and "properties" in schema:
        return _object_shape(schema, unknown, f"{path}.")
    return None


def _time_shape(value: Any) -> Any:
    if isinstance(value, str) and value.isdigit():
        value = int(value)  # public connectors type some of the ratings' times as texts
    return to_rfc3339(value) if isinstance(value, int) else value


def _array_shape(item: Shape | None) -> Shape:
    def shape(value: Any) -> list[Any]:
        values = value if isinstance(value, list) else [value]
        return values if item is None else [part and item(part) for part in values]

    return shape

"""One representation of each field: records as Dixa sends them, made to fit their schema.

The schema alone decides what happens to a field:

- ``"format": "date-time"``: Unix milliseconds and any ISO 8601 become RFC 3339;
- ``"type": ["array", …]``: a single value becomes an array of one (Dixa sends `to` and the
  values of custom fields either way);
- an object with ``properties``: the same again inside it;
- not in the schema: moved to the column `ADDITIONAL`, under its dotted path.

Everything else is unchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_dixa import timestamps
from tap_dixa.schemas import ADDITIONAL
from tap_dixa.timestamps import to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MOST_UNKNOWN = 1_000
"""So many fields that the schema does not have are told apart: names can be data, too."""

_Extras = dict[str, Any]
"""The fields that the schema does not have, by their dotted paths."""


class Normalizer:
    """Normalizes a stream's records.

    Args:
        schema: The stream's JSON Schema, an object with ``properties``.
        report_unknown: Called with the path of each field that the schema does not have, the
            first time there is one. The path has dots into objects and ``[]`` into arrays.
        other_names: Top-level fields that have a second name, and the schema's name for them.
    """

    def __init__(
        self,
        schema: dict[str, Any],
        report_unknown: Callable[[str], None],
        other_names: Mapping[str, str] | None = None,
    ) -> None:
        self.unknown: dict[str, None] = {}
        """The paths of the fields that the schema does not have and that were met so far."""
        self._report_unknown = report_unknown
        self._other_names = other_names or {}
        self._keeps_unknown = ADDITIONAL in schema["properties"]
        self._normalize = self._object(schema, "")

    def __call__(self, record: dict[str, Any]) -> dict[str, Any]:
        """Make a record as Dixa sends it fit the schema, in place."""
        extras: _Extras = {}
        self._normalize(record, extras, "")
        if extras and self._keeps_unknown:
            record[ADDITIONAL] = extras
        return record

    def meet(self, path: str) -> None:
        """Note a field that the schema does not have."""
        if path not in self.unknown and len(self.unknown) < _MOST_UNKNOWN:
            self.unknown[path] = None
            self._report_unknown(path)

    def _object(self, schema: dict[str, Any], path: str) -> Callable[[Any, _Extras, str], Any]:
        properties = schema["properties"]
        known = properties.keys()
        times = [name for name, field in properties.items() if field.get("format") == "date-time"]
        nested = [
            (name, inner)
            for name, field in properties.items()
            if (inner := self._field(field, f"{path}{name}")) is not None
        ]
        other_names = {} if path else self._other_names

        def take_unknown(value: dict[str, Any], extras: _Extras, where: str) -> None:
            for name in [name for name in value if name not in known]:
                part = value.pop(name)
                if name in other_names:
                    if value.get(other_names[name]) is None:
                        value[other_names[name]] = part
                else:
                    self.meet(f"{path}{name}")
                    extras[f"{where}{name}"] = part

        # Every record passes here, so it touches only the fields that need it.
        def normalize(value: Any, extras: _Extras, where: str) -> Any:
            if value.__class__ is not dict:
                return value
            if not value.keys() <= known:
                take_unknown(value, extras, where)
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
                    value[name] = inner(part, extras, f"{where}{name}")
            return value

        return normalize

    def _field(
        self, schema: dict[str, Any], path: str
    ) -> Callable[[Any, _Extras, str], Any] | None:
        types = schema.get("type", [])
        if "array" in types:
            return self._array(schema.get("items", {}), path)
        if "object" in types and "properties" in schema:
            inner = self._object(schema, f"{path}.")
            return lambda value, extras, where: inner(value, extras, f"{where}.")
        return None

    def _array(self, items: dict[str, Any], path: str) -> Callable[[Any, _Extras, str], list[Any]]:
        item = self._field(items, f"{path}[]")

        def normalize(value: Any, extras: _Extras, where: str) -> list[Any]:
            values: list[Any] = value if value.__class__ is list else [value]
            if item is None:
                return values
            return [item(part, extras, f"{where}.{place}") for place, part in enumerate(values)]

        return normalize

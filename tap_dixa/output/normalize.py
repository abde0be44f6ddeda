"""One representation of each field: records as Dixa sends them, made to fit their schema.

The schema alone decides what happens to a field:

- ``"format": "date-time"``: Unix milliseconds and any ISO 8601 become RFC 3339;
- ``"type": ["array", …]``: a single value becomes an array of one (Dixa sends `to` and the
  values of custom fields either way);
- an object with ``properties``: the same again inside it;
- a value of another type is converted if nothing is lost; if not, it moves to the column
  `ADDITIONAL`, under its dotted path, and the field is null;
- a field that is not in the schema moves there, too;
- what would move is dropped instead if a catalog or a stream map leaves its field out.

Everything else is unchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_dixa.output.conversions import MISFIT, FieldType
from tap_dixa.output.json_numbers import storable
from tap_dixa.output.misfit_texts import Misfit
from tap_dixa.schemas import ADDITIONAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MOST_UNKNOWN = 1_000
"""So many fields that the schema does not have are told apart: names can be data, too."""

_Extras = dict[str, Any]
"""What no field of the schema holds, by dotted paths."""

if TYPE_CHECKING:
    _Convert = Callable[[Any, _Extras, str], Any]
    """Converts a value that is not null. What is left of it goes to the extras; the text is where
    it is. Returns `MISFIT` if the value does not fit."""


class Normalizer:
    """Normalizes a stream's records.

    Args:
        schema: The stream's JSON Schema, an object with ``properties``.
        report_unknown: Called with the path of each field that the schema does not have, the
            first time there is one. The path has dots into objects and ``[]`` into arrays.
        report_misfit: Called with the first value of each field that does not fit, and with its
            record, normalized.
        other_names: Top-level fields that have a second name, and the schema's name for them.
        is_left_out: Says of a field's path whether its values are not to be moved, but dropped.
    """

    def __init__(
        self,
        schema: dict[str, Any],
        report_unknown: Callable[[str], None],
        report_misfit: Callable[[Misfit, dict[str, Any]], None],
        other_names: Mapping[str, str] | None = None,
        is_left_out: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.unknown: dict[str, None] = {}
        """The paths of the fields that the schema does not have and that were met so far."""
        self._report_unknown = report_unknown
        self._report_misfit = report_misfit
        self.other_names = other_names or {}
        """Top-level fields that have a second name, and the schema's name for them."""
        self.is_left_out = is_left_out
        """Says of a field's path whether its values are dropped."""
        self._keeps_extras = ADDITIONAL in schema["properties"]
        self.misfits: set[str] = set()
        """The paths of the fields that had a value that does not fit."""
        self._unreported: list[Misfit] = []
        self._normalize = self._object(schema, "")

    def __call__(self, record: dict[str, Any]) -> dict[str, Any]:
        """Make a record as Dixa sends it fit the schema, in place."""
        extras: _Extras = {}
        if record.get(ADDITIONAL) is not None:  # the column is the tap's, the name may be Dixa's
            self.meet(ADDITIONAL)
            extras[ADDITIONAL] = storable(record.pop(ADDITIONAL))
        self._normalize(record, extras, "")
        if extras and self._keeps_extras:
            record[ADDITIONAL] = extras
        while self._unreported:
            self._report_misfit(self._unreported.pop(0), record)
        return record

    def meet(self, path: str) -> None:
        """Note a field that the schema does not have."""
        if path not in self.unknown and len(self.unknown) < _MOST_UNKNOWN:
            self.unknown[path] = None
            self._report_unknown(path)

    def _meet_misfit(self, misfit: Misfit) -> None:
        if misfit.path not in self.misfits:
            self.misfits.add(misfit.path)
            self._unreported.append(misfit)

    def _object(
        self, schema: Mapping[str, Any], path: str
    ) -> Callable[[dict[str, Any], _Extras, str], None]:
        fields = {name: FieldType(field) for name, field in schema["properties"].items()}
        known = fields.keys()
        unchanged = {name: field.unchanged for name, field in fields.items()}
        plain = {name: field.converter for name, field in fields.items() if field.is_plain}
        parts = {
            name: self._part(schema["properties"][name], f"{path}{name}")
            for name in fields.keys() - plain.keys()
        }
        names = {} if path else self.other_names
        other_names = {second: first for second, first in names.items() if first in known}
        is_left_out = self.is_left_out

        def take_unknown(value: dict[str, Any], extras: _Extras, where: str) -> None:
            for name in [name for name in value if name not in known]:
                part = value.pop(name)
                if name in other_names:
                    first = other_names[name]
                    if value.get(first) is None:
                        value[first] = part
                        continue
                    if part is None or part == value[first]:
                        continue
                self.meet(f"{path}{name}")
                if not is_left_out(f"{path}{name}"):
                    extras[f"{where}{name}"] = storable(part)

        def take_misfits(
            value: dict[str, Any], names: list[str], extras: _Extras, where: str
        ) -> None:
            for name in names:
                part, field = value[name], fields[name]
                if field.is_nullable:
                    value[name] = None
                else:
                    del value[name]
                if part is not None:
                    self._meet_misfit(Misfit(f"{path}{name}", part, field.is_time))
                    if not is_left_out(f"{path}{name}"):
                        extras[f"{where}{name}"] = storable(part)

        # Every field of a record passes here, most of them without a call.
        def normalize(value: dict[str, Any], extras: _Extras, where: str) -> None:
            if not value.keys() <= known:
                take_unknown(value, extras, where)
            misfits = None
            for name, part in value.items():
                if part.__class__ not in unchanged[name]:
                    if part is None:
                        converted = MISFIT
                    elif name in plain:
                        converted = plain[name](part)
                    else:
                        converted = parts[name](part, extras, f"{where}{name}")
                    if converted is not MISFIT:
                        value[name] = converted
                    elif misfits is None:
                        misfits = [name]
                    else:
                        misfits.append(name)
            if misfits:
                take_misfits(value, misfits, extras, where)

        return normalize

    def _part(self, schema: Mapping[str, Any], path: str) -> _Convert:
        accepts = FieldType(schema)
        if accepts.items is not None:
            return self._array(accepts.items, self._part(schema["items"], f"{path}[]"))
        normalize, plain = self._object(schema, f"{path}."), accepts.converter

        def convert(value: Any, extras: _Extras, where: str) -> Any:
            if value.__class__ is not dict:
                return plain(value)
            part = value.copy()  # the array that it is in may still move whole, as it came
            normalize(part, extras, f"{where}.")
            return part

        return convert

    def _array(self, items: FieldType, convert: _Convert) -> _Convert:
        def convert_array(value: Any, extras: _Extras, where: str) -> Any:
            found: _Extras = {}
            converted = []
            for place, part in enumerate(value if value.__class__ is list else [value]):
                item = part
                if part is not None:
                    item = convert(part, found, f"{where}.{place}")
                elif not items.is_nullable:
                    item = MISFIT
                if item is MISFIT:
                    return MISFIT  # without one of its items, an array would say something else
                converted.append(item)
            extras.update(found)
            return converted

        return convert_array

"""Make decoded records fit their schema.

The schema alone decides what happens to a field:

- ``"format": "date-time"``: Unix milliseconds and any ISO 8601 become RFC 3339;
- ``"type": ["array", …]``: a single value becomes an array of one (Dixa sends `to` and the
  values of custom fields either way);
- an object with ``properties``: the same again inside it;
- a value of another type is converted if nothing is lost; if not, it moves to the column
  `ADDITIONAL`, under its path, and the field is null;
- a field that is not in the schema moves there, too;
- what would move is dropped instead if it is excluded.

Everything else is unchanged.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tap_dixa.records.exclusions import Exclusions
from tap_dixa.records.fields import ObjectField
from tap_dixa.schemas import ADDITIONAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_dixa.records.content_warnings import ContentWarnings
    from tap_dixa.records.fields import Moved, Path

_OBJECT = frozenset({"object"})


class Normalizer:
    """Normalizes a stream's records.

    Args:
        schema: The stream's JSON Schema, an object with ``properties``.
        warnings: Warns of what moves. None if only `fit` is used.
        other_names: Top-level fields that have a second name, and the schema's name for them.
        exclusions: What is dropped where it would move.
    """

    def __init__(
        self,
        schema: dict[str, Any],
        warnings: ContentWarnings | None,
        other_names: Mapping[str, str] | None = None,
        exclusions: Exclusions | None = None,
    ) -> None:
        # A field of Dixa's with the name of the column is a new field like any other.
        properties = {
            name: field for name, field in schema["properties"].items() if name != ADDITIONAL
        }
        self.fields = ObjectField(_OBJECT, properties)
        self.other_names = {
            second: first for second, first in (other_names or {}).items() if first in properties
        }
        self.exclusions = exclusions or Exclusions()
        self._warnings = warnings

    def __call__(self, record: dict[str, Any]) -> dict[str, Any]:
        """Make a record, as Dixa sends it, fit the schema, in place."""
        moved = self.fit(record)
        if moved:
            kept = [each for each in moved if not self.exclusions.cover(str(each.path[0]))]
            if kept:
                record[ADDITIONAL] = {key_of(each.path): each.value for each in kept}
            if self._warnings is not None:
                for each in moved:
                    self._warnings.moved(each, record)
        return record

    def fit(self, record: dict[str, Any]) -> list[Moved]:
        """Make the fields of a record fit, in place, and return what no field holds."""
        for second, first in self.other_names.items():
            if second in record:
                _rename(record, second, first)
        moved: list[Moved] = []
        self.fields.normalize(record, moved, ())
        return moved


def key_of(path: Path) -> str:
    """Join a path, as a key of the column `ADDITIONAL`.

    As in TOML, a name with a dot is quoted: so two paths of a record never have the same key.
    """
    return ".".join(
        json.dumps(step, ensure_ascii=False)
        if isinstance(step, str) and ("." in step or step.startswith('"'))
        else str(step)
        for step in path
    )


def _rename(record: dict[str, Any], second: str, first: str) -> None:
    """Give a field its first name, unless it has another value under that."""
    if record.get(first) is None:
        record[first] = record.pop(second)
    elif record[second] is None or record[second] == record[first]:
        del record[second]

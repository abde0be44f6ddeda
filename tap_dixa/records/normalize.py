"""Make decoded records fit their schema.

The schema alone decides what happens to a field:

- ``"format": "date-time"``: Unix milliseconds and any ISO 8601 become RFC 3339;
- ``"type": ["array", …]``: a single value becomes an array of one (Dixa sends `to` and the
  values of custom fields either way);
- an object with ``properties``: the same again inside it;
- a value of another type is converted if nothing is lost; if not, it moves to the column
  `ADDITIONAL`, under its path, and the field is null;
- a field that is not in the schema moves there, too;
- what would move is dropped instead if a catalog or a stream map excludes it.

Everything else is unchanged.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tap_dixa.log_shapes import kind_of, shown_key, shown_path
from tap_dixa.records.fields import Moved, ObjectField, Path
from tap_dixa.schemas import ADDITIONAL

_OBJECT = frozenset({"object"})
_MOST_FIELDS = 50
"""How many fields are logged per stream."""
_EXCLUDED = (
    "dropped, because the catalog deselects or lacks the field or something in it, or the stream "
    "has a stream map"
)
_NO_COLUMN = f"dropped, because the catalog or a stream map removes {ADDITIONAL}"
_NEW = "%s: field %s is not in the schema; its values are %s"
_MISFIT = (
    "%s: field %s of record %s is %s, which its schema does not allow; such values are %s, and the "
    "field is null"
)


@dataclass(frozen=True)
class Exclusions:
    """Fields of which nothing is moved to `ADDITIONAL`: it is dropped."""

    fields: frozenset[str] = frozenset()
    """Top-level fields: whatever is in them."""
    everything: bool = False
    """Whether all is dropped, because the column itself is."""

    def cover(self, field: str) -> bool:
        """Whether what is in a top-level field is dropped."""
        return self.everything or field in self.fields


@dataclass
class ContentWarnings:
    """Logs the warnings of one stream, each field once."""

    stream: str
    primary_keys: Sequence[str]
    warn: Callable[..., None]
    """Logs a warning, from a message and its arguments."""
    exclusions: Exclusions
    _logged: set[str] = field(default_factory=set)

    def moved(self, moved: Moved, record: Mapping[str, Any]) -> None:
        """Warn of a value of a normalized record that no field holds."""
        name = shown_path(moved.path)
        keys = [record.get(key) for key in self.primary_keys]
        if name in self._logged or len(self._logged) >= _MOST_FIELDS or None in keys:
            return  # without a key the stream fails, in one line
        self._logged.add(name)
        fate = f"in {ADDITIONAL}"
        if moved.path[0] in self.exclusions.fields:
            fate = _EXCLUDED
        elif self.exclusions.everything:
            fate = _NO_COLUMN
        if moved.field is None:
            self.warn(_NEW, self.stream, name, fate)
        else:
            key = ", ".join(map(shown_key, keys))
            self.warn(_MISFIT, self.stream, name, key, kind_of(moved.value), fate)
        if len(self._logged) == _MOST_FIELDS:
            self.warn("%s: further such fields are not logged", self.stream)


class Normalizer:
    """Normalizes a stream's records.

    ``other_names`` has the second names of top-level fields, and the schema's name for each.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        warnings: ContentWarnings,
        other_names: Mapping[str, str],
    ) -> None:
        # A field of Dixa's with the name of the column is a new field like any other.
        properties = {
            name: field for name, field in schema["properties"].items() if name != ADDITIONAL
        }
        self.record_field = ObjectField(_OBJECT, properties)
        self.other_names = {
            second: first for second, first in other_names.items() if first in properties
        }
        self.exclusions = warnings.exclusions
        self._warnings = warnings

    def __call__(self, record: dict[str, Any]) -> dict[str, Any]:
        """Make a record, as Dixa sends it, fit the schema, in place."""
        moved = self.fit(record)
        if moved:
            kept = [each for each in moved if not self.exclusions.cover(str(each.path[0]))]
            if kept:
                record[ADDITIONAL] = {key_of(each.path): each.value for each in kept}
            for each in moved:
                self._warnings.moved(each, record)
        return record

    def fit(self, record: dict[str, Any]) -> list[Moved]:
        """Make the fields of a record fit, in place, and return what no field holds."""
        for second, first in self.other_names.items():
            if second in record:
                _rename(record, second, first)
        moved: list[Moved] = []
        self.record_field.normalize(record, moved, ())
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

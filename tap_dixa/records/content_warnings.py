"""Warnings of content that a stream's schema or a target cannot hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_dixa.log_shapes import kind_of, shown_key, shown_path
from tap_dixa.schemas import ADDITIONAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tap_dixa.records.exclusions import Exclusions
    from tap_dixa.records.fields import Moved

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
        is_excluded = moved.path[0] in self.exclusions.fields
        fate = f"in {ADDITIONAL}"
        if is_excluded or self.exclusions.everything:
            fate = _EXCLUDED if is_excluded else _NO_COLUMN
        if moved.field is None:
            self.warn(_NEW, self.stream, name, fate)
        else:
            key = ", ".join(map(shown_key, keys))
            self.warn(_MISFIT, self.stream, name, key, kind_of(moved.value), fate)
        if len(self._logged) == _MOST_FIELDS:
            self.warn("%s: further such fields are not logged", self.stream)

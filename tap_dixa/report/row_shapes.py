"""The shapes of rows that Dixa documents in part only: names and types, never values."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_dixa.log_shapes import shown_name, type_name

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST = 60
"""So many paths of a kind of row are shown."""
_DEEPEST = 20
"""So many levels of a row are told apart."""


@dataclass
class RowShape:
    """What the rows of one kind have in common, and what only some of them have."""

    rows: int = 0
    """How many were noted."""
    _paths: dict[str, set[str]] = field(default_factory=dict)
    _names: dict[str, None] = field(default_factory=dict)
    _times: Counter[str] = field(default_factory=Counter)

    def note(self, row: Any) -> None:
        """Note a row, as decoded JSON."""
        self.rows += 1
        self._times.update({path for path, kind in _walk(row, "") if self._add(path, kind)})
        self._names |= dict.fromkeys(shown_name(name) for name in _field_names(row))

    def _add(self, path: str, kind: str) -> bool:
        if path in self._paths or len(self._paths) < _MOST:
            self._paths.setdefault(path, set()).add(kind)
            return True
        return False

    def __str__(self) -> str:
        paths = [
            f"{path}{'' if self._times[path] == self.rows else '?'} ({' or '.join(sorted(kinds))})"
            for path, kinds in self._paths.items()
        ]
        first = {re.split(r"[.\[]", path)[0] for path in self._paths}
        names = [name for name in self._names if name not in first]
        return "; names: ".join(", ".join(some) for some in (paths, names) if some) or "empty"


def _field_names(row: Any) -> Iterator[str]:
    """Yield the names of fields that are values: a row of Analytics has a list of fields."""
    match row:
        case {"fields": [*fields]}:
            for field in fields:
                if isinstance(field, dict) and isinstance(name := field.get("name"), str):
                    yield name


def _walk(value: Any, path: str, levels: int = _DEEPEST) -> Iterator[tuple[str, str]]:
    """Yield the path and the type of each value that contains no others."""
    if isinstance(value, dict) and value and levels:
        for name, inner in value.items():
            below = f"{path}.{shown_name(name)}" if path else shown_name(name)
            yield from _walk(inner, below, levels - 1)
    elif isinstance(value, list) and value and levels:
        for inner in value:
            yield from _walk(inner, f"{path}[]", levels - 1)
    else:
        yield path, type_name(value)

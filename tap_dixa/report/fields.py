"""What a connection test notes of the fields of records: names and types, never values."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from tap_dixa.client import SCHEMAS
from tap_dixa.log_shapes import shown_name, type_name
from tap_dixa.output.normalize import Normalizer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_dixa.client import DixaStream
    from tap_dixa.output.fields import Path

    Types = dict[str, set[str]]
    """Names of types, by the path of a field."""

SAMPLE = 1_000
"""So many records of a stream are compared with its schema, and so many rows described."""
_DEEPEST = 20
"""So many levels of a row are told apart."""


class FieldTypes:
    """The types of fields that the tap's schemas do not have, or do not allow."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        """How many records of each stream were compared, and rows of each record type described."""
        self.new: dict[str, Types] = defaultdict(_types)
        """The fields that the schema does not have, by stream."""
        self.misfits: dict[str, Types] = defaultdict(_types)
        """The fields that cannot hold their value, and the types of such values, by stream."""
        self.rows: dict[str, Types] = defaultdict(_types)
        """The fields of rows that are not all documented, by stream and record type."""
        self._normalizers: dict[str, Normalizer] = {}

    def compare(self, stream: DixaStream, record: dict[str, Any]) -> None:
        """Note what a record holds and the schema does not.

        Args:
            stream: The stream. Its own schema is meant, whatever a catalog says.
            record: Decoded JSON, as Dixa sent it. It is changed.
        """
        name = stream.name
        if name not in self._normalizers:
            schema = SCHEMAS.get_schema(name)
            self._normalizers[name] = Normalizer(schema, stream.warnings, stream.other_names)
        if self.counts[name] < SAMPLE:
            self.counts[name] += 1
            for moved in self._normalizers[name].fit(record):
                types = self.new if moved.field is None else self.misfits
                types[name][_shown(moved.path)].add(type_name(moved.value))

    def describe(self, stream: DixaStream, kind: str, row: Any) -> None:
        """Note all fields of a row.

        Args:
            stream: The stream.
            kind: Which of its record types the row has.
            row: Decoded JSON, as Dixa sent it.
        """
        name = f"{stream.name} {shown_name(kind)}"
        if self.counts[name] < SAMPLE:
            self.counts[name] += 1
            for path, value in _leaves(_with_named_fields(row), ()):
                self.rows[name][_shown(path)].add(type_name(value))


def _types() -> Types:
    return defaultdict(set)


def _with_named_fields(row: Any) -> Any:
    """Show the fields of a row of Analytics, a list of names and values, as an object."""
    match row:
        case {"fields": [{"name": str(), "field": _}, *_] as cells}:
            named = [cell for cell in cells if isinstance(cell, dict)]
            return {**row, "fields": {str(cell.get("name")): cell.get("field") for cell in named}}
    return row


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield each value that has none in it, and its path."""
    inner: Any = ()
    if len(path) < _DEEPEST and isinstance(value, dict):
        inner = value.items()
    elif len(path) < _DEEPEST and isinstance(value, list):
        inner = enumerate(value)
    if not (inner and value):
        yield path, value
        return
    for step, below in inner:
        yield from _leaves(below, (*path, step))


def _shown(path: Path) -> str:
    """Write a path with dots into objects and ``[]`` into arrays."""
    steps = ("[]" if isinstance(step, int) else f".{shown_name(step)}" for step in path)
    return "".join(steps).removeprefix(".") or "(the row itself)"

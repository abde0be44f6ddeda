"""Warnings of content that a stream's schema or a target cannot hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_dixa.log_shapes import shown_key, shown_path
from tap_dixa.output.fields import TimeField
from tap_dixa.output.misfit_texts import described, kind_of
from tap_dixa.schemas import ADDITIONAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tap_dixa.output.exclusions import Exclusions
    from tap_dixa.output.fields import Moved, Path

_MOST_FIELDS = 20
"""How many new fields are logged per stream."""
_EXCLUDED = (
    "dropped, because the catalog deselects or lacks the field or something in it, or the stream "
    "has a stream map"
)
_NO_COLUMN = f"dropped, because the catalog or a stream map removes {ADDITIONAL}"


class ContentWarnings:
    """Logs the warnings of one stream, each field once.

    Args:
        stream: The stream's name.
        primary_keys: The fields that identify a record.
        warn: Logs a warning, from a message and its arguments.
        exclusions: What is dropped.
    """

    def __init__(
        self,
        stream: str,
        primary_keys: Sequence[str],
        warn: Callable[..., None],
        exclusions: Exclusions,
    ) -> None:
        self._stream = stream
        self._keys = primary_keys
        self._warn = warn
        self._exclusions = exclusions
        self._new_fields: set[str] = set()
        self._misfits: set[str] = set()

    def moved(self, moved: Moved, record: Mapping[str, Any]) -> None:
        """Warn of a value that no field holds.

        Args:
            moved: The value, and the field that it does not fit if there is one.
            record: The record that had it, normalized.
        """
        if moved.field is None:
            self._new_field(moved)
        else:
            self._misfit(moved, record)

    def _new_field(self, moved: Moved) -> None:
        field, name = str(moved.path[0]), _shown(moved.path)
        if name in self._new_fields or len(self._new_fields) >= _MOST_FIELDS:
            return
        self._new_fields.add(name)
        self._warn(
            "%s: field %s is not in the schema; its values are %s",
            self._stream,
            name,
            self._fate(field),
        )
        if len(self._new_fields) == _MOST_FIELDS:
            self._warn("%s: further such fields are not logged", self._stream)

    def _misfit(self, moved: Moved, record: Mapping[str, Any]) -> None:
        field, name = str(moved.path[0]), _shown(moved.path)
        keys = [record.get(key) for key in self._keys]
        if name in self._misfits or None in keys:
            return  # without a key the stream fails, in one line
        self._misfits.add(name)
        is_time = isinstance(moved.field, TimeField)
        self._warn(
            "%s: field %s of record %s is %s, which its schema does not allow; such values are %s, "
            "and the field is null",
            self._stream,
            name,
            ", ".join(map(shown_key, keys)),
            kind_of(moved.value)
            if field in self._exclusions.fields
            else described(moved.value, is_time=is_time),
            self._fate(field),
        )

    def _fate(self, field: str) -> str:
        if field in self._exclusions.fields:
            return _EXCLUDED
        return _NO_COLUMN if self._exclusions.everything else f"in {ADDITIONAL}"

    def replaced(self, source: object, count: int) -> None:
        """Warn of characters that no target can store, if there were any.

        Args:
            source: The window or the path whose response had them.
            count: How many were replaced.
        """
        if count:
            self._warn(
                "%s: %s: replaced %d invalid characters with U+FFFD",
                self._stream,
                source,
                count,
            )


def _shown(path: Path) -> str:
    """Write a path with dots into objects and ``[]`` into arrays."""
    names = "".join("[]" if isinstance(step, int) else f".{step}" for step in path)
    return shown_path(names.removeprefix("."))

"""Warnings of what a stream's records hold and its schema, or a target, cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_dixa.log_shapes import shown_key, shown_path
from tap_dixa.schemas import ADDITIONAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tap_dixa.output.misfit_texts import Misfit

_MOST_FIELDS = 20
"""How many new fields are logged per stream."""
_LEFT_OUT = (
    "dropped, because the catalog deselects or lacks the field, or a stream map names or drops it"
)
_NO_COLUMN = f"dropped, because the catalog or a stream map removes {ADDITIONAL}"


class ContentWarnings:
    """Logs the warnings of one stream.

    Args:
        stream: The stream's name.
        primary_keys: The fields that identify a record.
        keeps_extras: Whether the stream has the column that keeps what no other field holds.
        warn: Logs a warning, from a message and its arguments.
        is_left_out: Says of a field's path whether the catalog or a stream map leaves it out.
    """

    def __init__(
        self,
        stream: str,
        primary_keys: Sequence[str],
        warn: Callable[..., None],
        is_left_out: Callable[[str], bool],
        *,
        keeps_extras: bool,
    ) -> None:
        self._stream = stream
        self._keys = primary_keys
        self._warn = warn
        self._is_left_out = is_left_out
        self._keeps_extras = keeps_extras
        self._unknown_fields: set[str] = set()

    def unknown_field(self, path: str) -> None:
        """Warn of a field that Dixa sends and the schema does not have, once.

        Args:
            path: The field's name, dotted if it is nested.
        """
        shown = " ".join(shown_path(path).split())
        if shown in self._unknown_fields or len(self._unknown_fields) >= _MOST_FIELDS:
            return
        self._unknown_fields.add(shown)
        self._warn(
            "%s: field %s is not in the schema; its values are %s",
            self._stream,
            shown,
            self._fate(path),
        )
        if len(self._unknown_fields) == _MOST_FIELDS:
            self._warn("%s: further such fields are not logged", self._stream)

    def misfit(self, misfit: Misfit, record: Mapping[str, Any]) -> None:
        """Warn of a value that its field cannot hold.

        Args:
            misfit: The field and the value.
            record: The record that has it.
        """
        keys = [record.get(name) for name in self._keys]
        if None in keys:
            return  # the stream fails over it, in one line
        self._warn(
            "%s: field %s of record %s is %s, which its schema does not allow; such values are %s, "
            "and the field is null",
            self._stream,
            misfit.path,
            ", ".join(map(shown_key, keys)),
            misfit.kind if self._is_left_out(misfit.path) else misfit,
            self._fate(misfit.path),
        )

    def _fate(self, path: str) -> str:
        if self._is_left_out(path):
            return _LEFT_OUT
        return f"in {ADDITIONAL}" if self._keeps_extras else _NO_COLUMN

    def replaced(self, source: object, places: int) -> None:
        """Warn of characters that no target can store, if there were any.

        Args:
            source: The window or the path whose response had them.
            places: How many were replaced.
        """
        if places:
            self._warn(
                "%s: %s: replaced %d invalid characters with U+FFFD",
                self._stream,
                source,
                places,
            )

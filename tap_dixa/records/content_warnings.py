"""Warnings of content that a stream's schema or a target cannot hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tap_dixa.log_shapes import shown_key, shown_path
from tap_dixa.schemas import ADDITIONAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tap_dixa.records.exclusions import Exclusions
    from tap_dixa.records.fields import Moved, Path

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
_KINDS = {bool: "a boolean", str: "a string", dict: "an object", list: "an array"}
_LIKE_A_TIME = re.compile(r"[\d:.,TZ+/ -]{0,40}", re.ASCII)


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
        self._logged: set[str] = set()

    def moved(self, moved: Moved, record: Mapping[str, Any]) -> None:
        """Warn of a value that no field holds.

        Args:
            moved: The value, and the field that it does not fit if there is one.
            record: The record that had it, normalized.
        """
        name = _shown(moved.path)
        keys = [record.get(key) for key in self._keys]
        if name in self._logged or len(self._logged) >= _MOST_FIELDS or None in keys:
            return  # without a key the stream fails, in one line
        self._logged.add(name)
        is_excluded = moved.path[0] in self._exclusions.fields
        fate = f"in {ADDITIONAL}"
        if is_excluded or self._exclusions.everything:
            fate = _EXCLUDED if is_excluded else _NO_COLUMN
        if moved.field is None:
            self._warn(_NEW, self._stream, name, fate)
        else:
            key = ", ".join(map(shown_key, keys))
            shows = moved.field.is_time and not is_excluded
            value = _described_time(moved.value) if shows else kind_of(moved.value)
            self._warn(_MISFIT, self._stream, name, key, value, fate)
        if len(self._logged) == _MOST_FIELDS:
            self._warn("%s: further such fields are not logged", self._stream)

    def replaced(self, source: object, count: int) -> None:
        """Warn of characters that no target can store, if there were any.

        Args:
            source: The window or the path whose response had them.
            count: How many were replaced.
        """
        if count:
            text = "%s: %s: replaced %d invalid characters with U+FFFD"
            self._warn(text, self._stream, source, count)


def kind_of(value: Any) -> str:
    """Say what a value is, and show nothing of it: it may be personal data."""
    return _KINDS.get(type(value), "a number")


def _described_time(value: Any) -> str:
    """Say what stands where a time should be. Digits and signs alone are shown: they say why."""
    kind, text = kind_of(value), str(value)
    if not text:
        return "an empty string"
    return f"{kind.replace('a ', 'the ')} {text}" if _LIKE_A_TIME.fullmatch(text) else kind


def _shown(path: Path) -> str:
    """Write a path with dots into objects and ``[]`` into arrays."""
    names = "".join("[]" if isinstance(step, int) else f".{step}" for step in path)
    return shown_path(names.removeprefix("."))

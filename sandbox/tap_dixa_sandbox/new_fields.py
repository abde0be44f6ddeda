"""Fields that no schema has: Dixa adds fields without notice."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def added(row: Row, nested: str | None = None) -> Row:
    """Copy a record or a row, with an unknown field `brandNew` at its end.

    Args:
        row: The record or row.
        nested: A field that holds an object or an array of objects. If it has a value, each of
            these objects also gets an unknown field, `shade`.
    """
    inner = row.get(nested) if nested else None
    if isinstance(inner, list):
        row = {**row, str(nested): [_shaded(item) for item in inner]}
    elif inner is not None:
        row = {**row, str(nested): _shaded(inner)}
    return {**row, "brandNew": {"level": 3, "labels": ["a"]}}


def _shaded(item: Row) -> Row:
    return {**item, "shade": "dark"}

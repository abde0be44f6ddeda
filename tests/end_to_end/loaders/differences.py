"""What a loader made of records, compared with what it was given."""

from __future__ import annotations

import ast
import json
from datetime import UTC, datetime

from tests.end_to_end.everything import key
from tests.end_to_end.tables import FIELDS


def differences(known, rows, *, gone=None, column=str):
    """Give the kinds of differences between what must be there and what is.

    Args:
        known: The records that must be there, by stream and key.
        rows: The rows that are there, by stream, as dictionaries. The last one of a key counts.
        gone: The records that were there before, some of which no longer exist.
        column: What makes a column's name of a field's.
    """
    found = {}
    for stream, wanted in known.items():
        there = {}
        for row in rows[stream]:
            values = {name: row.get(column(name)) for name in FIELDS[stream]}
            name = key(stream, values)
            if name in there:
                found["a key is there twice"] = ""
            there[name] = values
        if lost := wanted.keys() - there.keys():
            found[f"{stream}: rows are missing"] = f", {len(lost)} of {len(wanted)}"
        for name in there.keys() - wanted.keys():
            deleted = gone is not None and name in gone[stream]
            found["a deleted row is there" if deleted else f"{stream}: a row too many"] = ""
        for name in wanted.keys() & there.keys():
            for field, schema in FIELDS[stream].items():
                values = wanted[name].get(field), there[name][field]
                if kind := difference(schema, *values):
                    found[kind] = ""
                elif kind is None:
                    found[f"{stream}.{field}"] = ": {!r} is {!r}".format(*values)
    return {kind + example for kind, example in found.items()}


def difference(schema, wanted, found):
    """Say what became of a value: a known kind, "" for nothing, or None for an unknown kind."""
    if schema.get("format") == "date-time":
        return moved(instant(wanted), instant(found))
    if found == wanted and type(found) is type(wanted):
        return ""
    kinds = {
        "'' is null": wanted == "" and found is None,
        f"null is {json.dumps(found)}": wanted is None and not found,
        "a control character is spelled as an escape": spelled(wanted) == found,
        "nested values are Python's repr": nested(wanted) and python(found) == wanted,
        "a part of an object is null or missing": nested(wanted) and whole(found) == whole(wanted),
    }
    return next((kind for kind, holds in kinds.items() if holds), None)


def nested(value):
    return isinstance(value, dict | list)


def spelled(value):
    """Give a text as JSON has it between quotes."""
    return json.dumps(value, ensure_ascii=False)[1:-1] if isinstance(value, str) else None


def python(text):
    """Give what Python reads in a text, or nothing."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None


def moved(wanted, found):
    """Say what became of a time."""
    if found == wanted:
        return ""
    if wanted is not None and found == wanted.replace(microsecond=0):
        return "milliseconds are lost"
    return None


def instant(value):
    """Give a time as a loader stores it; without a zone it is UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    return value.replace(tzinfo=value.tzinfo or UTC) if isinstance(value, datetime) else value


def whole(value):
    """Give an object without the parts that are null, or null if there is no other."""
    if not isinstance(value, dict):
        return value
    parts = {name: part for name, part in value.items() if part is not None}
    return parts or None

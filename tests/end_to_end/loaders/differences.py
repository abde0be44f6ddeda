"""What a loader made of records, compared with what it was given."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from tests.end_to_end.everything import key
from tests.end_to_end.tables import FIELDS


def differences(known, rows, *, gone=None, column=str):
    """Give the kinds of differences between what must be there and what is, by stream and key.

    Args:
        known: The records that must be there.
        rows: The rows that are there, by stream, each as a dictionary.
        gone: The records that were there before, some of which no longer exist.
        column: What makes a column's name of a field's.
    """
    found = Counter()
    for stream, wanted in known.items():
        there = {}
        for row in rows[stream]:
            values = {name: row.get(column(name)) for name in FIELDS[stream]}
            name = key(stream, values)
            found["a key is there twice"] += name in there
            there[name] = values
        found["a row is missing"] += len(wanted.keys() - there.keys())
        for name in there.keys() - wanted.keys():
            deleted = gone is not None and name in gone[stream]
            found["a deleted row is there" if deleted else f"a row too many in {stream}"] += 1
        for name in wanted.keys() & there.keys():
            for field, schema in FIELDS[stream].items():
                kind = difference(schema, wanted[name].get(field), there[name][field])
                if kind:
                    found[kind.format(field=f"{stream}.{field}")] += 1
    return {kind for kind, times in found.items() if times}


def difference(schema, wanted, found):
    """Say what became of one value, or nothing if it is what it must be."""
    if schema.get("format") == "date-time" and wanted is not None:
        return None if instant(found) == datetime.fromisoformat(wanted) else f"{wanted} is {found}"
    if found == wanted and type(found) is type(wanted):
        return None
    if wanted == "" and found is None:
        return "'' is null"
    return f"{{field}}: {wanted!r} is {found!r}"


def instant(value):
    """Give a time as a loader stores it; without a zone it is UTC."""
    time = datetime.fromisoformat(value) if isinstance(value, str) else value
    return time.replace(tzinfo=time.tzinfo or UTC) if isinstance(time, datetime) else time

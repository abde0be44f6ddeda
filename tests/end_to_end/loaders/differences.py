"""What a loader made of records, compared with what it was given."""

from datetime import UTC, datetime

from tests.end_to_end.everything import key
from tests.end_to_end.tables import FIELDS


def differences(known, rows, *, gone=None):
    """Give the kinds of differences between what must be there and what is.

    Args:
        known: The records that must be there, by stream and key.
        rows: The rows that are there, by stream, as dictionaries. The last one of a key counts.
        gone: The records that were there before, some of which no longer exist.
    """
    found = {}
    for stream, wanted in known.items():
        there = {}
        for row in rows[stream]:
            values = {name: row.get(name) for name in FIELDS[stream]}
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
        wanted, found = instant(wanted), instant(found)
    if found == wanted and type(found) is type(wanted):
        return ""
    return "'' is null" if wanted == "" and found is None else None


def instant(value):
    """Give a time as a loader stores it; without a zone it is UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    return value.replace(tzinfo=value.tzinfo or UTC) if isinstance(value, datetime) else value

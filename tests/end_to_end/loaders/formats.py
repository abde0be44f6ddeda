"""Rows as loaders write them, read back with the types of the schemas."""

import csv
import gzip
import json

from tests.end_to_end.everything import EVERY
from tests.end_to_end.tables import FIELDS

BOOLEANS = {"True": True, "False": False}


def kinds(schema):
    """Give the types that a field may have."""
    return {*schema["type"]} if isinstance(schema["type"], list) else {schema["type"]}


def decoded(schema, text):
    """Give the value of a text that stands for it, or the text itself if it does not."""
    if text is None or "string" in kinds(schema):
        return text
    if text in BOOLEANS:
        return BOOLEANS[text]
    try:
        return json.loads(text)
    except ValueError:
        return text


def parsed(stream, row):
    """Give a row of texts with the values that they stand for, and flattened objects as such."""
    for name, schema in FIELDS[stream].items():
        for part, inner in schema.get("properties", {}).items():
            value = row.pop(f"{name}__{part}", None)
            if value is not None:
                row.setdefault(name, {})[part] = decoded(inner, value)
        if isinstance(row.get(name), str):
            row[name] = decoded(schema, row[name])
    return row


def json_lines(folder, pattern="{}.jsonl", read=lambda path: path.read_text()):
    """Read the files of each stream, in the order of their names."""
    return {
        stream: [
            json.loads(line)
            for path in sorted(folder.glob(pattern.format(stream)))
            for line in read(path).split("\n")
            if line
        ]
        for stream in EVERY
    }


def zipped_lines(folder, pattern):
    """Read the files of each stream, compressed with gzip."""
    return json_lines(folder, pattern, lambda path: gzip.decompress(path.read_bytes()).decode())


def csv_lines(folder, pattern):
    """Read the CSV files of each stream, in the order of their names; nothing is null there."""
    csv.field_size_limit(1 << 30)
    found = {stream: [] for stream in EVERY}
    for stream, rows in found.items():
        for path in sorted(folder.glob(pattern.format(stream))):
            with path.open(newline="", encoding="utf-8") as lines:
                for line in csv.DictReader(lines):
                    row = {name: value or None for name, value in line.items()}
                    rows.append(parsed(stream, row))
    return found

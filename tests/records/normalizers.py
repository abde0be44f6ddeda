"""A schema with one field of each kind, and both normalizers of a schema."""

from typing import Any

from tap_dixa.records.compiled import CompiledNormalizer
from tap_dixa.records.normalize import ContentWarnings, Exclusions, Normalizer

NOTHING = Exclusions()
TEXTS = {"type": ["array", "null"], "items": {"type": ["string", "null"]}}
TIME = {"type": ["string", "null"], "format": "date-time"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "at": TIME,
        "many": TEXTS,
        "parts": {
            "type": ["array", "null"],
            "items": {"type": "object", "properties": {"at": TIME, "value": TEXTS}},
        },
        "nested": {"type": ["object", "null"], "properties": {"at": TIME, "count": {}}},
        "open": {"type": ["object", "null"], "additionalProperties": True},
        "count": {"type": ["integer", "null"]},
        "text": {"type": ["string", "null"]},
        "flag": {"type": ["boolean", "null"]},
        "size": {"type": ["number", "null"]},
        "either": {"type": ["integer", "string", "null"]},
        "must": {"type": "boolean"},
        "bare": {"type": ["array", "null"]},
        "from": TIME,
        'a"b: import os': TEXTS,
        "additional_properties": {"type": ["object", "null"]},
    },
}


def plain(
    schema: dict[str, Any] = SCHEMA, exclusions: Exclusions = NOTHING, **other_names: str
) -> tuple[Normalizer, list[str]]:
    """Give a normalizer of dictionaries, and the list that its warnings go to."""
    lines: list[str] = []

    def warn(text: str, *values: object) -> None:
        lines.append(text % values)

    warnings = ContentWarnings(
        "s", ("id",) if "id" in schema["properties"] else (), warn, exclusions
    )
    return Normalizer(schema, warnings, other_names), lines


def compiled(
    schema: dict[str, Any] = SCHEMA, exclusions: Exclusions = NOTHING, **other_names: str
) -> tuple[CompiledNormalizer, list[str]]:
    """Give a normalizer of JSON, and the list that its warnings go to."""
    normalize, lines = plain(schema, exclusions, **other_names)
    return CompiledNormalizer(normalize), lines

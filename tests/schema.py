"""A schema with one field of each kind."""

from __future__ import annotations

from typing import Any

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "at": {"type": ["string", "null"], "format": "date-time"},
        "many": {"type": ["array", "null"], "items": {"type": ["string", "null"]}},
        "parts": {
            "type": ["array", "null"],
            "items": {
                "type": "object",
                "properties": {
                    "at": {"type": ["string", "null"], "format": "date-time"},
                    "value": {"type": ["array", "null"], "items": {"type": "string"}},
                },
            },
        },
        "open": {"type": ["object", "null"], "additionalProperties": True},
        "count": {"type": ["integer", "null"]},
        "text": {"type": ["string", "null"]},
        "flag": {"type": ["boolean", "null"]},
        "size": {"type": ["number", "null"]},
        "either": {"type": ["integer", "string", "null"]},
    },
}

WITH_COLUMN: dict[str, Any] = {
    "type": "object",
    "properties": {**SCHEMA["properties"], "additional_properties": {"type": ["object", "null"]}},
}
"""The same with the column for fields that it does not have."""

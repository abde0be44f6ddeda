"""Normalize records from raw JSON, as fast as msgspec decodes them.

msgspec decodes a record to a structure that has the fields of the schema, and any new field at the
top level that records have had. As each object is decoded, `ObjectField.structure` converts its
times, and makes arrays of single texts. A record that is odd in any other way is refused, and
normalized as a dictionary: two to three times as slow.
Both ways give the same record; a test compares them.
"""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET

from tap_dixa.records.fields import attribute_of, is_plain
from tap_dixa.records.json_numbers import VALUE, decode
from tap_dixa.records.normalize import Normalizer, key_of
from tap_dixa.schemas import ADDITIONAL

Encodable = Any
"""What msgspec encodes as a normalized record: a structure, or a dictionary."""

_NOTHING: Any = Annotated[int, msgspec.Meta(gt=0, lt=0)]
"""What no value is. A record's own field with the name of the column is a new field like others."""
_MOST_NEW_FIELDS = 100
"""A stream with more new fields than this is no longer compiled for each of them."""


class CompiledNormalizer:
    """Normalizes a stream's records, from their JSON to what is encoded."""

    def __init__(self, normalize: Normalizer) -> None:
        # It normalizes the records that are odd.
        self._normalize = normalize
        self._new_names: list[str] = []
        self._compile()

    def __call__(self, text: bytes) -> Encodable:
        """Normalize a record, or raise what msgspec does, or RecursionError."""
        try:
            record = self._decode(text)
        except (msgspec.ValidationError, OverflowError):
            return self._normalize_odd(text)
        extras = {}
        for attribute, key, is_kept in self._new:
            value = getattr(record, attribute)
            if value is not UNSET:
                setattr(record, attribute, UNSET)
                if is_kept:
                    extras[key] = value
        if extras:
            setattr(record, self._column, extras)
        return record

    def _normalize_odd(self, text: bytes) -> dict[str, Any]:
        record = decode(text)
        new_names = [name for name in record if self._is_worth_compiling(name)]
        normalized = self._normalize(record)
        if new_names:
            self._new_names += new_names
            self._compile()
        return normalized

    def _is_worth_compiling(self, name: str) -> bool:
        return (
            len(self._new_names) < _MOST_NEW_FIELDS
            and is_plain(name)
            and name != ADDITIONAL
            and name not in self._normalize.other_names
            and name not in self._normalize.record_field.fields
            and name not in self._new_names
        )

    def _compile(self) -> None:
        structure = self._normalize.record_field.structure(
            {**dict.fromkeys(self._new_names, VALUE), ADDITIONAL: _NOTHING}
        )
        self._decode = msgspec.json.Decoder(structure).decode
        self._column = attribute_of(structure, ADDITIONAL)
        exclusions = self._normalize.exclusions
        self._new = [
            (attribute_of(structure, name), key_of((name,)), not exclusions.cover(name))
            for name in self._new_names
        ]

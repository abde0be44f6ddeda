"""The same as `tap_dixa.output.normalize`, on raw JSON: let msgspec decode what is as documented.

msgspec decodes a record to a structure that accepts what is as documented, and nothing else; see
`tap_dixa.output.structures`. A record that it refuses is passed to the normalizer of dictionaries,
and what was new in it is accepted from then on: new fields, and fields with values of another type.
Both normalizers give the same record; a test compares them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from tap_dixa.output.json_numbers import decode
from tap_dixa.output.structures import Known, compile_structure
from tap_dixa.schemas import ADDITIONAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_dixa.output.normalize import Normalizer

Encodable = Any
"""What msgspec encodes as a normalized record: a structure, or a dictionary."""

_MOST_NEW_FIELDS = 100
"""A stream with more new fields than this is no longer compiled for each of them."""

_FIELD = re.compile(r" - at `\$\.(.+?)`$")
"""Where in a record msgspec found a value that is not as documented."""
_PLACE = re.compile(r"\[(?:\d+|\.\.\.)\]")


class RawNormalizer:
    """Normalizes a stream's records, from their JSON to what is encoded.

    The JSON must be UTF-8: its longest texts are copied unread.

    Args:
        schema: The stream's JSON Schema, an object with ``properties``.
        normalize: Normalizes the records that are unusual.
    """

    def __init__(self, schema: dict[str, Any], normalize: Normalizer) -> None:
        self._object_schema = schema
        self._normalize = normalize
        self._drifting: set[str] = set()
        self._compiled_for = 0
        self._compile()

    def __call__(self, record: bytes) -> Encodable:
        """Normalize a record.

        Raises:
            DecodeError: msgspec's: it is not JSON.
        """
        try:
            decoded = self._decode(record)
            if self._amend is not None:
                self._amend(decoded)
        except (OverflowError, ValueError) as error:  # msgspec's exceptions are of the latter kind
            normalized = self._normalize(decode(record))
            if found := _FIELD.search(str(error)):
                self._drifting.add(_PLACE.sub("[]", found[1]).rstrip("[]"))
            if self._compiled_for != self._met():
                self._compile()
            return normalized
        return decoded

    def _met(self) -> int:
        met = self._normalize
        return len(met.unknown) + len(met.misfits) + len(self._drifting)

    def _compile(self) -> None:
        self._compiled_for = self._met()
        normalize = self._normalize
        unknown = [name for name in normalize.unknown if name not in normalize.other_names]
        if len(unknown) > _MOST_NEW_FIELDS:
            return
        keeps = ADDITIONAL in self._object_schema["properties"]
        if keeps and ADDITIONAL in unknown:
            unknown.remove(ADDITIONAL)
        misfits = {path for path in normalize.misfits if not normalize.is_left_out(path)}
        left_out = set(filter(normalize.is_left_out, unknown))
        known = Known(unknown, self._drifting | normalize.misfits, misfits, left_out)
        structure, amend = compile_structure(self._object_schema, known, "")
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(structure).decode
        self._amend: Callable[[Any], None] | None = amend
        if amend is not None and known.has_extras:
            self._amend = _with_extras(amend, structure, keeps=keeps)


def field_of(record: Encodable, name: str) -> Any:
    """Read a field of a normalized record that is a time or a nested part."""
    if isinstance(record, dict):
        return record[name]
    return getattr(record, _attribute(type(record), name))


def _attribute(structure: Any, name: str) -> str:
    place = structure.__struct_encode_fields__.index(name)
    return str(structure.__struct_fields__[place])


def _with_extras(
    amend: Callable[..., None], structure: type, *, keeps: bool
) -> Callable[[Any], None]:
    """Move the new fields of a record to the column for them, if there is one."""
    column = _attribute(structure, ADDITIONAL) if keeps else ""

    def amend_record(record: Any) -> None:
        extras: dict[str, Any] = {}
        amend(record, extras, "")
        if extras and keeps:
            setattr(record, column, extras)

    return amend_record

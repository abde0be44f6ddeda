"""The same as `tap_dixa.output.normalize`, on raw JSON: decode only what has to change.

Most of a record is emitted unchanged. Here its bytes are copied from the response to the
message, and only times and nested parts are decoded. A record that is unusual in any way is
passed to the normalizer of dictionaries; if that meets a new field, the field is known here
from then on. Both give the same record; a test compares them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from tap_dixa import timestamps
from tap_dixa.schemas import ADDITIONAL
from tap_dixa.timestamps import to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_dixa.output.normalize import Normalizer

Encodable = Any
"""What msgspec encodes as a normalized record: a structure, or a dictionary."""

_MOST_NEW_FIELDS = 100
"""A stream with more new fields than this is no longer compiled for each of them."""


class RawNormalizer:
    """Normalizes a stream's records, from their JSON to what is encoded.

    The JSON must be UTF-8: most of it is copied unread.

    Args:
        schema: The stream's JSON Schema, an object with ``properties``.
        normalize: Normalizes the records that are unusual.
    """

    def __init__(self, schema: dict[str, Any], normalize: Normalizer) -> None:
        self._object_schema = schema
        self._normalize = normalize
        self._compile()

    def __call__(self, record: bytes) -> Encodable:
        """Normalize a record."""
        try:
            if b"\n" in record:  # a copy of it would not be one line
                return self._normalize(msgspec.json.decode(record))
            decoded = self._decode(record)
        except msgspec.ValidationError:
            normalized = self._normalize(msgspec.json.decode(record))
            if len(self._normalize.unknown) != self._compiled_for:
                self._compile()
            return normalized
        if self._amend is not None:
            self._amend(decoded)
        return decoded

    def _compile(self) -> None:
        unknown = list(self._normalize.unknown)
        self._compiled_for = len(unknown)
        if len(unknown) > _MOST_NEW_FIELDS:
            return
        keeps = ADDITIONAL in self._object_schema["properties"]
        structure, amend = _compile(self._object_schema, unknown, "")
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(structure).decode
        self._amend: Callable[[Any], None] | None = amend
        if unknown and amend is not None:
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


def _compile(
    schema: dict[str, Any], unknown: list[str], path: str
) -> tuple[type, Callable[..., None] | None]:
    """Build an object's structure, and what normalizes it in place if anything has to change.

    Args:
        schema: The object's JSON Schema.
        unknown: The paths of all new fields.
        path: The object's own path, as those begin.

    Returns:
        The structure, and a function of a record; if there are new fields, also of the
        dictionary that they go to, and of where in the record the object is.
    """
    # A field's name may be no Python name, and comes from the user's catalog or from Dixa: a
    # structure calls it by its place, and no text of theirs is in the code below.
    kinds: list[Any] = []
    code: list[str] = []
    field_names = list(schema["properties"])
    names: dict[str, Any] = {
        "normalize": timestamps.normalize,
        "to_rfc3339": to_rfc3339,
        "names": field_names,
        "UNSET": UNSET,
    }
    signature = "record, extras, where" if unknown else "record"
    for place, (name, field) in enumerate(schema["properties"].items()):
        value = f"record.field_{place}"
        types, items = field.get("type", []), field.get("items", {})
        inside = f"where + names[{place}]"
        if field.get("format") == "date-time":
            kinds.append(int | str | None | UnsetType)
            code += [
                f"time = {value}",
                "if time.__class__ is int:",
                f"    {value} = to_rfc3339(time)",
                "elif time.__class__ is str:",
                f"    {value} = normalize(time)",
            ]
        elif "array" in types and "properties" in items:
            part, amend_part = _compile(items, unknown, f"{path}{name}[].")
            kinds.append(list[part] | None | UnsetType)  # type: ignore[valid-type]
            if amend_part is not None:
                names[f"amend_{place}"] = amend_part
                code += (
                    [
                        f"for place, part in enumerate({value} or ()):",
                        f"    amend_{place}(part, extras, f'{{{inside}}}.{{place}}.')",
                    ]
                    if unknown
                    else [f"for part in {value} or ():", f"    amend_{place}(part)"]
                )
        elif "array" in types:
            kinds.append(list[Raw] | str | None | UnsetType)
            code += [f"if {value}.__class__ is str:", f"    {value} = [{value}]"]
        elif "object" in types and "properties" in field:
            part, amend_part = _compile(field, unknown, f"{path}{name}.")
            kinds.append(part | None | UnsetType)
            if amend_part is not None:
                names[f"amend_{place}"] = amend_part
                more = f", extras, {inside} + '.'" if unknown else ""
                code += [f"if {value}:", f"    amend_{place}({value}{more})"]
        else:
            kinds.append(Raw)
    for new in unknown:
        name = new.removeprefix(path)
        if new.startswith(path) and "." not in name:
            place = len(kinds)
            kinds.append(Raw)
            field_names.append(name)
            code += [
                f"if record.field_{place} is not UNSET:",
                f"    extras[where + names[{place}]] = record.field_{place}",
                f"    record.field_{place} = UNSET",
            ]
    structure = msgspec.defstruct(
        "Record",
        [(f"field_{place}", kind, UNSET) for place, kind in enumerate(kinds)],
        rename=lambda attribute: field_names[int(attribute.removeprefix("field_"))],
        forbid_unknown_fields=True,
        gc=False,
    )
    if not code:
        return structure, None
    # A loop over the names instead of this code costs a whole run a fifth more CPU.
    exec("\n    ".join([f"def amend({signature}):", *code]), names)  # noqa: S102 (none of it is input)
    return structure, names["amend"]

"""The same as `tap_dixa.output.normalize`, on raw JSON: decode only what has to change.

Most of a record is emitted unchanged. Here its bytes are copied from the response to the
message, and only times and nested parts are decoded. A record that is unusual in any way, such
as one with a new field, is passed to the normalizer of dictionaries. Both give the same record;
a test compares them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from tap_dixa import timestamps
from tap_dixa.timestamps import to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_dixa.output.normalize import Normalizer

Encodable = Any
"""What msgspec encodes as a normalized record: a structure, or a dictionary."""


def compile_raw_normalizer(
    schema: dict[str, Any], normalize: Normalizer
) -> Callable[[bytes], Encodable]:
    """Build the function that normalizes a stream's records.

    Args:
        schema: The stream's JSON Schema, an object with ``properties``.
        normalize: Normalizes the records that are unusual.

    Returns:
        A function from a record's JSON to what is encoded. The JSON must be UTF-8: most of it
        is copied unread.
    """
    structure, amend = _compile(schema)
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(structure).decode

    def normalize_raw(record: bytes) -> Encodable:
        try:
            decoded = decode(record)
        except msgspec.ValidationError:
            return normalize(msgspec.json.decode(record))
        if amend is not None:
            amend(decoded)
        return decoded

    return normalize_raw


def field_of(record: Encodable, name: str) -> Any:
    """Read a field of a normalized record that is a time or a nested part."""
    if isinstance(record, dict):
        return record[name]
    place = record.__struct_encode_fields__.index(name)
    return getattr(record, record.__struct_fields__[place])


def _compile(schema: dict[str, Any]) -> tuple[type, Callable[[Any], None] | None]:
    """Build an object's structure, and what normalizes it in place if anything has to change."""
    # A field's name may be no Python name, and comes from the user's catalog: a structure calls
    # it by its place, and no text of theirs is in the code below.
    kinds: list[Any] = []
    code: list[str] = []
    names: dict[str, Any] = {"normalize": timestamps.normalize, "to_rfc3339": to_rfc3339}
    for place, field in enumerate(schema["properties"].values()):
        value = f"record.field_{place}"
        types, items = field.get("type", []), field.get("items", {})
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
            part, amend_part = _compile(items)
            kinds.append(list[part] | None | UnsetType)  # type: ignore[valid-type]
            if amend_part is not None:
                names[f"amend_{place}"] = amend_part
                code += [f"for part in {value} or ():", f"    amend_{place}(part)"]
        elif "array" in types:
            kinds.append(list[Raw] | str | None | UnsetType)
            code += [f"if {value}.__class__ is str:", f"    {value} = [{value}]"]
        elif "object" in types and "properties" in field:
            part, amend_part = _compile(field)
            kinds.append(part | None | UnsetType)
            if amend_part is not None:
                names[f"amend_{place}"] = amend_part
                code += [f"if {value}:", f"    amend_{place}({value})"]
        else:
            kinds.append(Raw)
    field_names = list(schema["properties"])
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
    exec("\n    ".join(["def amend(record):", *code]), names)  # noqa: S102 (none of it is input)
    return structure, names["amend"]

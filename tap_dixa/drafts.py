"""The quick way to a record's shape: decode no more of it than has to change.

`tap_dixa.shapes` works on whole dictionaries. Most of a record, though, passes as it is: here
its bytes are carried from Dixa's answer to the message untouched, and only times and nested
parts are taken apart. A record with anything unusual in it, such as a new field, is left to
`tap_dixa.shapes`. Both give the same record; a test holds them to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from tap_dixa.timestamps import rewrite, to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_dixa.shapes import Shape

Draft = Any
"""What msgspec encodes as a shaped record: a structure, or the record itself."""


def compile_draft(schema: dict[str, Any], shape: Shape) -> Callable[[bytes], Draft]:
    """Build the function that drafts a stream's records.

    Args:
        schema: The stream's JSON Schema, an object with ``properties``.
        shape: What shapes the records that are out of the ordinary.

    Returns:
        A function from a record's JSON to its draft. The JSON must be UTF-8: most of it is
        carried on unread.
    """
    structure, amend = _compile(schema)
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(structure).decode

    def draft(record: bytes) -> Draft:
        try:
            drafted = decode(record)
        except msgspec.ValidationError:
            return shape(msgspec.json.decode(record))
        if amend is not None:
            amend(drafted)
        return drafted

    return draft


def value_of(draft: Draft, name: str) -> Any:
    """Read a field of a draft that is a time or a nested part."""
    if isinstance(draft, dict):
        return draft[name]
    place = draft.__struct_encode_fields__.index(name)
    return getattr(draft, draft.__struct_fields__[place])


def _compile(schema: dict[str, Any]) -> tuple[type, Callable[[Any], None] | None]:
    """Build an object's structure, and what amends one in place if anything needs to be."""
    # A field's name may be no Python name, and comes from the user's catalog: a structure calls
    # it by its place, and no text of theirs is in the code below.
    kinds: list[Any] = []
    code: list[str] = []
    names: dict[str, Any] = {"rewrite": rewrite, "to_rfc3339": to_rfc3339}
    for place, field in enumerate(schema["properties"].values()):
        value = f"draft.field_{place}"
        types, items = field.get("type", []), field.get("items", {})
        if field.get("format") == "date-time":
            kinds.append(int | str | None | UnsetType)
            code += [
                f"moment = {value}",
                "if moment.__class__ is int:",
                f"    {value} = to_rfc3339(moment)",
                "elif moment.__class__ is str:",
                f"    {value} = rewrite(moment)",
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
        "Draft",
        [(f"field_{place}", kind, UNSET) for place, kind in enumerate(kinds)],
        rename=lambda attribute: field_names[int(attribute.removeprefix("field_"))],
        forbid_unknown_fields=True,
        gc=False,
    )
    if not code:
        return structure, None
    # Written out like this, amending takes less than half the time of a loop over the names.
    exec("\n    ".join(["def amend(draft):", *code]), names)  # noqa: S102 (none of it is input)
    return structure, names["amend"]

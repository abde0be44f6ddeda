"""Structures that msgspec decodes records to, built from a schema.

A structure's fields accept what the schema accepts, and nothing else. So a record that msgspec
takes is right as it is, except for the form of times and arrays: code that is made with the
structure sees to that. Fields that have had other values accept anything, and it converts them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import UNSET, Raw, UnsetType

from tap_dixa import timestamps
from tap_dixa.output.conversions import MISFIT, FieldType
from tap_dixa.output.json_numbers import VALUE
from tap_dixa.schemas import ADDITIONAL
from tap_dixa.timestamps import to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

_LONG_TEXTS = {"text"}
"""What people wrote: it may be long, and full of escapes and emoji. It is copied: to look at its
first byte is cheaper than to decode it."""

_TEXT_OR_NULL = re.compile(rb'"|null')
_IMPOSSIBLE = re.compile(r'["\\\x00-\x1f]')
"""What msgspec allows in no name."""


class Known(NamedTuple):
    """What records have had that is not as documented: paths of fields."""

    unknown: Sequence[str] = ()
    """Fields that the schema does not have."""
    drifting: AbstractSet[str] = frozenset()
    """Fields with values of another type."""
    misfits: AbstractSet[str] = frozenset()
    """Those of them with values that cannot be converted."""
    left_out: AbstractSet[str] = frozenset()
    """Those of the unknown ones whose values are dropped."""

    @property
    def has_extras(self) -> bool:
        """Whether anything may have to move to the column for what no field holds."""
        return bool(self.unknown or self.misfits)


class _Field(NamedTuple):
    kind: Any
    """What msgspec decodes the field to."""
    code: Sequence[str] = ()
    """Lines that normalize it in place. ``{value}`` stands for the field, ``{place}`` for its
    place, ``{where}`` for where it is in the record."""
    uses: Any = None
    """What the code calls ``used_{place}``."""


def compile_structure(
    schema: Mapping[str, Any], known: Known, path: str = ""
) -> tuple[type, Callable[..., None] | None]:
    """Build an object's structure, and what normalizes it in place if anything has to change.

    Args:
        schema: The object's JSON Schema.
        known: What records have had that is not as documented.
        path: The object's own path, as those begin.

    Returns:
        The structure, and a function of a record; if ``known.has_extras``, also of the dictionary
        that they go to, and of where in the record the object is. It raises `ValueError` or
        `OverflowError` if there is more to do: the normalizer of dictionaries can.
    """
    names = list(filter(_is_possible, schema["properties"]))
    fields = [_field(schema["properties"][name], known, f"{path}{name}") for name in names]
    for new in known.unknown:
        name = new.removeprefix(path)
        if new.startswith(path) and "." not in name and _is_possible(name) and name not in names:
            names.append(name)
            left_out = new in known.left_out
            fields.append(_Field(Raw, _DROP) if left_out else _Field(VALUE | UnsetType, _MOVE))
    # A field's name may be no Python name, and comes from the user's catalog or from Dixa: a
    # structure calls it by its place, and no text of theirs is in the code below.
    code = [
        line.format(value=f"record.field_{place}", place=place, where=f"where + names[{place}]")
        for place, field in enumerate(fields)
        for line in field.code
    ]
    structure = msgspec.defstruct(
        "Record",
        [(f"field_{place}", field.kind, UNSET) for place, field in enumerate(fields)],
        rename=lambda attribute: names[int(attribute.removeprefix("field_"))],
        forbid_unknown_fields=True,
        gc=False,
    )
    if not code:
        return structure, None
    variables = {
        "begins_as_text": _TEXT_OR_NULL.match,
        "normalize": timestamps.normalize,
        "to_rfc3339": to_rfc3339,
        "names": names,
        "MISFIT": MISFIT,
        "UNSET": UNSET,
        **{f"used_{place}": field.uses for place, field in enumerate(fields)},
    }
    parameters = "record, extras, where" if known.has_extras else "record"
    # A loop over the names instead of this code costs a whole run a fifth more CPU.
    lines = "\n    ".join([f"def amend({parameters}):", *code])
    exec(lines, variables)  # noqa: S102 (none of it is input)
    return structure, variables["amend"]


_MOVE = (
    "if {value} is not UNSET:",
    "    extras[{where}] = {value}",
    "    {value} = UNSET",
)
_DROP = ("{value} = UNSET",)
_TIME = (
    "time = {value}",
    "if time.__class__ is int:",
    "    {value} = to_rfc3339(time)",
    "elif time.__class__ is str:",
    "    {value} = normalize(time)",
)
_SINGLE = ("if {value}.__class__ is str:", "    {value} = [{value}]")
_COPIED = ("if {value} is not UNSET and not begins_as_text({value}):", "    raise ValueError")
_REFUSED = ("if {value} is not UNSET:", "    raise ValueError")
_REFUSING = _Field(Any, _REFUSED)
_CONVERTED = (
    "part = {value}",
    "if part is not UNSET and part.__class__ not in used_{place}[0]:",
    "    part = MISFIT if part is None else used_{place}[1](part)",
    "    if part is not MISFIT:",
    "        {value} = part",
)
_OR_REFUSED = ("    else:", "        raise ValueError")
_OR_MOVED = ("    else:", "        extras[{where}] = {value}", "        {value} = None")


def _is_possible(name: str) -> bool:
    """Say whether a structure can have a field: records with others are the normalizer's."""
    return _IMPOSSIBLE.search(name) is None


def _field(schema: Mapping[str, Any], known: Known, path: str) -> _Field:
    accepts = FieldType(schema)
    decoded = accepts.decoded()
    if path == ADDITIONAL:
        return _Field(Raw, _REFUSED)  # what Dixa calls so is not the column
    if path in known.drifting and accepts.is_plain:
        moves = path in known.misfits and accepts.is_nullable
        code = _CONVERTED + (_OR_MOVED if moves else _OR_REFUSED)
        return _Field(VALUE | UnsetType, code, (accepts.unchanged, accepts.converter))
    if path in _LONG_TEXTS and decoded == str | None:
        return _Field(Raw, _COPIED)
    if decoded is not None:
        return _Field(decoded | UnsetType)
    field = _array(schema, known, path) if accepts.items else _time_or_object(schema, known, path)
    return field._replace(kind=field.kind | None) if accepts.is_nullable else field


def _time_or_object(schema: Mapping[str, Any], known: Known, path: str) -> _Field:
    accepts = FieldType(schema)
    if accepts.is_time:
        return _Field(int | str | UnsetType, _TIME)
    if not accepts.is_object:
        return _REFUSING
    kind, amend = compile_structure(schema, known, f"{path}.")
    extras = ", extras, {where} + '.'" if known.has_extras else ""
    code = ("if {value}:", f"    used_{{place}}({{value}}{extras})")
    return _Field(kind | UnsetType, code if amend else (), amend)


def _array(schema: Mapping[str, Any], known: Known, path: str) -> _Field:
    items = FieldType(schema.get("items", {}))
    if (decoded := items.decoded()) is not None:
        kind: Any = list[decoded] | UnsetType  # type: ignore[valid-type]
        return _Field(kind | str, _SINGLE) if items.has_texts else _Field(kind)
    if not items.is_object or items.is_nullable:
        return _REFUSING
    item, amend = compile_structure(schema["items"], known, f"{path}[].")
    if known.has_extras:
        code = (
            "for place, part in enumerate({value} or ()):",
            "    used_{place}(part, extras, {where} + '.' + str(place) + '.')",
        )
    else:
        code = ("for part in {value} or ():", "    used_{place}(part)")
    return _Field(list[item] | UnsetType, code if amend else (), amend)  # type: ignore[valid-type]

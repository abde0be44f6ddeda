"""Fields that a catalog or a stream map leaves out or changes.

Such a value must not arrive by another way: the column for what no field holds is for all others.
"""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from singer_sdk.mapper import (
    MAPPER_ALIAS_OPTION,
    MAPPER_ELSE_OPTION,
    MAPPER_KEY_PROPERTIES_OPTION,
    MAPPER_SOURCE_OPTION,
    NULL_STRING,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

_MOST_REMEMBERED = 1_000
_NO_EXPRESSIONS = (
    MAPPER_ALIAS_OPTION,
    MAPPER_ELSE_OPTION,
    MAPPER_KEY_PROPERTIES_OPTION,
    MAPPER_SOURCE_OPTION,
)


def is_any_of(fields: Collection[str]) -> Callable[[str], bool]:
    """Make what says whether a field is left out, or may hold one that is, or is a part of one.

    Args:
        fields: The paths of the fields that are left out, with dots into objects and arrays.
    """
    paths = frozenset(fields)

    @lru_cache(_MOST_REMEMBERED)
    def is_left_out(path: str) -> bool:
        plain = path.replace("[]", "")
        return any(
            plain == one or plain.startswith(f"{one}.") or one.startswith(f"{plain}.")
            for one in paths
        )

    return is_left_out


def missing(own: Mapping[str, Any], schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield the paths of the fields that a catalog's schema lacks.

    Args:
        own: The stream's own schema.
        schema: The catalog's.
        path: Where both are in the record, as the paths begin.
    """
    if "items" in own:
        own, schema = own["items"], schema.get("items", {})
    given = schema.get("properties") if isinstance(schema, dict) else None
    if given is None:
        return  # everything passes
    for name, field in own.get("properties", {}).items():
        if name in given:
            yield from missing(field, given[name], f"{path}{name}.")
        else:
            yield f"{path}{name}"


def deselected(selection: Mapping[tuple[str, ...], bool]) -> Iterator[str]:
    """Yield the paths of the fields that a catalog deselects, from its resolved selection."""
    for breadcrumb, selected in selection.items():
        if breadcrumb and not selected:
            names, is_name = [], False
            for part in breadcrumb:
                if is_name:
                    names.append(part)
                is_name = not is_name and part == "properties"
            yield ".".join(names)


def renamed(other_names: Mapping[str, str], fields: Collection[str]) -> Iterator[str]:
    """Yield the second names of fields, from the names that the schema has for them."""
    yield from (second for second, first in other_names.items() if first in fields)


def mapped(maps: Mapping[str, Any], stream: str, fields: Collection[str]) -> Iterator[str]:
    """Yield the fields that stream maps name, as a key or in an expression, or leave out.

    Args:
        maps: The setting ``stream_maps``.
        stream: The stream's name.
        fields: The names of its properties.
    """
    for name, one in maps.items():
        if not isinstance(one, dict):
            continue  # a whole stream, or an option
        if not fnmatchcase(stream, str(one.get(MAPPER_SOURCE_OPTION, name))):
            continue
        if one.get(MAPPER_ELSE_OPTION, "") in (None, NULL_STRING):
            yield from fields
        for key, definition in one.items():
            if key not in _NO_EXPRESSIONS:
                yield from {key, *_names(definition)}.intersection(fields)


def _names(expression: Any) -> Iterator[str]:
    """Yield all that may be the name of a field: ``a``, ``_['a']``, ``record.a``."""
    try:
        tree = ast.parse(expression)
    except (SyntaxError, TypeError, ValueError):
        return  # no expression, or one that the SDK refuses
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value

"""Check stream maps before the first request, for names that do not exist, and for secrets.

A map that removes or hashes a property with a typing mistake in its name would let the property
through, personal data included. A hash without its secret hides nothing.
"""

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from difflib import SequenceMatcher, get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from tap_dixa.errors import SettingsError

Properties = Mapping[str, Collection[str]]
"""The names of each stream's properties."""

_OPTIONS = ("__alias__", "__else__", "__filter__", "__key_properties__", "__source__")
_SHORTEST = 4
"""Names with fewer letters, such as ``to`` and ``cc``, are near to too many others."""


def check_stream_maps(
    maps: Mapping[str, Any], properties: Properties, values: Mapping[str, Any]
) -> None:
    """Check that the streams and properties that the setting ``stream_maps`` names exist.

    So must the values of ``stream_map_config`` that its expressions use, such as a secret.

    Raises:
        SettingsError: One does not exist, or is certainly mistyped, or a value is empty.
    """
    for name, stream_map in maps.items():
        if name.startswith("__"):
            continue  # an option, which the SDK checks
        has_fields = isinstance(stream_map, dict)
        source = stream_map.get("__source__", name) if has_fields else name
        streams = [stream for stream in properties if fnmatchcase(stream, str(source))]
        if not streams:
            raise SettingsError(
                f"stream_maps: there is no stream {source}. {suggest(str(source), properties)}"
            )
        if has_fields:
            names = {name for stream in streams for name in properties[stream]}
            _check_map(str(source), stream_map, names)
            for property_name, definition in stream_map.items():
                for value in _values_used(definition):
                    if values.get(value) in (None, ""):
                        raise SettingsError(
                            f"stream_maps: {property_name} of {source} needs {value}, which "
                            "stream_map_config does not have, or has empty. Set it there"
                        )


def _check_map(stream: str, stream_map: Mapping[str, Any], names: Collection[str]) -> None:
    passes_the_rest = "__else__" not in stream_map
    untouched = [name for name in names if name not in stream_map]
    for name, definition in stream_map.items():
        if name in names or name in _OPTIONS:
            continue
        if definition in (None, "__NULL__") or name.startswith("__") or _uses_self(definition):
            raise SettingsError(
                f"stream_maps: {stream} has no property {name}. "
                f"{suggest(name, [*names, *_OPTIONS])}"
            )
        # A new property. Nothing passes by mistake if only what is listed is emitted.
        meant = next((other for other in untouched if _is_typo(name, other)), None)
        if passes_the_rest and meant:
            raise SettingsError(
                f"stream_maps: {name} would be a new property of {stream}, and {meant} would be "
                f"emitted unchanged. Correct the name; if that is intended, add "
                f'"{meant}": "{meant}" to the map'
            )


def suggest(name: str, names: Iterable[str]) -> str:
    """Say which of the names is meant, or where they are listed."""
    nearest = get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"Did you mean {nearest[0]}?" if nearest else "tap-dixa --discover lists all names"


def _uses_self(expression: Any) -> bool:
    """Say whether an expression reads the property that it defines."""
    return any(isinstance(node, ast.Name) and node.id == "self" for node in _nodes(expression))


def _values_used(expression: Any) -> Iterator[str]:
    """Yield the names of the values of ``stream_map_config`` that an expression reads."""
    for node in _nodes(expression):
        match node:
            case ast.Subscript(value=ast.Name(id="config"), slice=ast.Constant(value=str(name))):
                yield name


def _nodes(expression: Any) -> Iterator[ast.AST]:
    """Yield the parts of an expression; of one that cannot be parsed, none: the SDK says so."""
    with suppress(SyntaxError, TypeError, ValueError):
        yield from ast.walk(ast.parse(expression))


def _is_typo(name: str, other: str) -> bool:
    """Say whether a name is another one with one letter added, missing, wrong or transposed.

    Case and underscores do not count. A name that begins with another one, such as
    ``duration_s`` or ``email2``, is derived from it on purpose.
    """
    if len(other) < _SHORTEST or name.startswith(other):
        return False
    written, meant = (text.casefold().replace("_", "") for text in (name, other))
    same = SequenceMatcher(None, written, meant).get_matching_blocks()
    return sum(block.size for block in same) >= max(len(written), len(meant)) - 1

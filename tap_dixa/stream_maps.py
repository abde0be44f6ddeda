"""Stream maps: refused if they miss what they name, and named if an expression fails.

A map that removes or hashes a property with a typing mistake in its name would let the property
through, personal data included.
"""

from __future__ import annotations

import ast
from difflib import get_close_matches
from fnmatch import fnmatchcase
from importlib.util import find_spec
from itertools import chain
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import SingerSDKError
from singer_sdk.mapper import (
    MAPPER_ALIAS_OPTION,
    MAPPER_ELSE_OPTION,
    MAPPER_FILTER_OPTION,
    MAPPER_KEY_PROPERTIES_OPTION,
    MAPPER_SOURCE_OPTION,
    NULL_STRING,
    CustomStreamMap,
    PluginMapper,
)
from typing_extensions import override

from tap_dixa.errors import SettingsError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    Properties = Mapping[str, Collection[str]]
    """The names of each stream's properties."""

_OPTIONS = (
    MAPPER_ALIAS_OPTION,
    MAPPER_ELSE_OPTION,
    MAPPER_FILTER_OPTION,
    MAPPER_KEY_PROPERTIES_OPTION,
    MAPPER_SOURCE_OPTION,
)
_HARMLESS = (ArithmeticError, AttributeError, TypeError)
"""Exceptions whose messages hold no value of a record."""

_SHORTEST = 4
"""Names with fewer letters, such as ``to`` and ``cc``, are near to too many others."""


class StreamMapper(PluginMapper):
    """The SDK's mapper, with errors that name the stream and the expression.

    Args:
        plugin_config: The tap's configuration.
        logger: The tap's logger.
        properties: The names of each stream's properties, whether it is selected or not.

    Raises:
        SettingsError: A map names a stream or a property that does not exist, or its alias
            cannot be evaluated.
    """

    def __init__(
        self, plugin_config: dict[str, Any], logger: logging.Logger, properties: Properties
    ) -> None:
        maps = plugin_config.get("stream_maps") or {}
        check_stream_maps(maps, properties)
        for name, one in maps.items():
            if isinstance(one, dict) and MAPPER_ALIAS_OPTION in one:
                # The SDK evaluates each alias for every stream, and so would name a wrong one.
                _naming(name, self._eval_stream)(one[MAPPER_ALIAS_OPTION], name)
        super().__init__(plugin_config, logger)

    @override
    def register_raw_stream_schema(
        self, stream_name: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        _naming(stream_name, self._register)(stream_name, schema, key_properties)
        for one in self.stream_maps[stream_name]:
            if isinstance(one, CustomStreamMap):
                # The SDK makes these objects itself: there is no class of ours to override.
                one.transform = _naming(stream_name, one.transform)  # type: ignore[method-assign]
                one.get_filter_result = _naming(  # type: ignore[method-assign]
                    stream_name, one.get_filter_result
                )

    def _register(
        self, stream: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        try:
            super().register_raw_stream_schema(stream, schema, key_properties)
            usable = all(
                name in one.transformed_schema["properties"]
                for one in self.stream_maps[stream]
                for name in one.transformed_key_properties or ()
            )
        except ValueError:
            # Two properties have got the same name.
            if not self.flattening_options.enabled:
                raise
            usable = False
        if not usable:
            raise SettingsError(
                f"flattening_max_key_length is too small for {stream}: properties would share a "
                "name, or the primary key would be renamed"
            )


def _naming(stream: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function that evaluates maps of a stream fail with one line."""

    def call(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except SingerSDKError:
            raise
        except Exception as error:
            what = "map"
            for frame, _ in walk_tb(error.__traceback__):
                if (expression := frame.f_locals.get("expr")) is not None:
                    what = repr(expression)
            reason = type(error).__name__
            if isinstance(error, _HARMLESS):
                reason = f"{reason}, {error}"
            raise SettingsError(f"stream_maps: {what} failed for {stream}: {reason}") from error

    return call


def check_stream_maps(maps: Mapping[str, Any], properties: Properties) -> None:
    """Check that stream maps find what they change.

    Args:
        maps: The setting ``stream_maps``.
        properties: The names of each stream's properties.

    Raises:
        SettingsError: A stream or a property does not exist, or is certainly mistyped; an alias
            cannot be used; an expression needs a package that is not installed.
    """
    for name, one in maps.items():
        if name.startswith("__"):
            continue  # an option, which the SDK checks
        source = one.get(MAPPER_SOURCE_OPTION, name) if isinstance(one, dict) else name
        streams = [stream for stream in properties if fnmatchcase(stream, str(source))]
        if not streams:
            raise SettingsError(
                f"stream_maps: there is no stream {source}. {_suggest(str(source), properties)}"
            )
        if isinstance(one, dict):
            _check_alias(name, one)
            known = set(chain.from_iterable(properties[stream] for stream in streams))
            _check_map(str(source), one, known)


def _check_alias(name: str, one: Mapping[str, Any]) -> None:
    if MAPPER_ALIAS_OPTION in one and not one[MAPPER_ALIAS_OPTION]:
        raise SettingsError(f"stream_maps: __alias__ of {name} is empty: name a stream, or omit it")


def _check_map(stream: str, one: Mapping[str, Any], known: Collection[str]) -> None:
    passes_the_rest = MAPPER_ELSE_OPTION not in one
    untouched = [name for name in known if name not in one]
    for name, definition in one.items():
        if name != MAPPER_ALIAS_OPTION and _uses("fake", definition) and find_spec("faker") is None:
            raise SettingsError(
                f"stream_maps: {name} of {stream} uses fake, which is not installed: run "
                "pip install faker"
            )
        if name in known or name in _OPTIONS:
            continue
        if definition in (None, NULL_STRING) or name.startswith("__") or _uses("self", definition):
            raise SettingsError(
                f"stream_maps: {stream} has no property {name}. "
                f"{_suggest(name, [*known, *_OPTIONS])}"
            )
        # A new property. Nothing passes by mistake if only what is listed is emitted.
        if passes_the_rest and (meant := next(filter(_is_typo_of(name), untouched), None)):
            raise SettingsError(
                f"stream_maps: {name} would be a new property of {stream}, and {meant} would be "
                f"emitted unchanged. Correct the name; if that is intended, add "
                f'"{meant}": "{meant}" to the map'
            )


def _suggest(name: str, names: Iterable[str]) -> str:
    nearest = get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"Did you mean {nearest[0]}?" if nearest else "tap-dixa --discover lists all names"


def _uses(name: str, expression: Any) -> bool:
    """Say whether an expression reads a variable, such as the property that it defines."""
    try:
        tree = ast.parse(expression)
    except (SyntaxError, TypeError, ValueError):
        return False  # the SDK says what is wrong with it
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))


def _is_typo_of(name: str) -> Callable[[str], bool]:
    """Say whether a name is another one with one letter added, missing, wrong or transposed.

    Case and underscores do not count. Names that are derived on purpose, such as ``duration_s``
    or ``email2``, are no typing mistakes.
    """

    def plain(text: str) -> str:
        return text.casefold().replace("_", "").replace("-", "")

    def is_derived_from(other: str) -> bool:
        before, found, after = name.partition(other)
        return bool(found) and (
            (before.endswith("_") and before != "_") or (after.startswith("_") and after != "_")
        )

    def check(other: str) -> bool:
        left, right = plain(name), plain(other)
        if len(right) < _SHORTEST or is_derived_from(other):
            return False
        while left and right and left[0] == right[0]:
            left, right = left[1:], right[1:]
        while left and right and left[-1] == right[-1]:
            left, right = left[:-1], right[:-1]
        if any(letter.isdecimal() for letter in left + right):
            return False
        pair = left[1::-1]
        return max(len(left), len(right)) <= 1 or (pair == right and pair[::-1] == left)

    return check

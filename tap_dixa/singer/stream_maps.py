"""Stream maps as the SDK applies them, with values that fit, and errors that name the expression.

The SDK declares the type of a value from how its expression begins, and a string if that says
nothing. It does not look whether the value has that type.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from traceback import walk_tb
from types import NoneType
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from singer_sdk.exceptions import SingerSDKError
from singer_sdk.helpers.types import Record
from singer_sdk.mapper import CustomStreamMap, PluginMapper, SameRecordTransform, StreamMap
from typing_extensions import override

from tap_dixa.errors import SettingsError
from tap_dixa.log_shapes import kind_of
from tap_dixa.records.fields import field_of

_HARMLESS = (ArithmeticError, AttributeError, TypeError)
"""Exceptions whose messages hold no value of a record."""


class StreamMapper(PluginMapper):
    """The SDK's mapper, with records that fit the schemas that it declares."""

    @override
    def register_raw_stream_schema(
        self, stream_name: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        _naming(stream_name, self._register)(stream_name, schema, key_properties)
        for mapper in self.stream_maps[stream_name]:
            if isinstance(mapper, CustomStreamMap):
                # The SDK makes these objects itself: there is no class of ours to override.
                fitting = FittingMap(mapper, schema["properties"], self.logger)
                mapper.transform = _naming(stream_name, fitting.transform)  # type: ignore[method-assign]
                mapper.get_filter_result = _naming(  # type: ignore[method-assign]
                    stream_name, mapper.get_filter_result
                )

    def _register(
        self, stream: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        try:
            super().register_raw_stream_schema(stream, schema, key_properties)
            usable = all(
                name in mapper.transformed_schema["properties"]
                for mapper in self.stream_maps[stream]
                for name in mapper.transformed_key_properties or ()
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
    """Wrap a function so that its errors name the stream and the expression."""

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


class FittingMap:
    """A stream map whose records satisfy the schema that the SDK declares for them.

    It is made of the SDK's map, and of the properties of the records before it.
    """

    def __init__(
        self, stream_map: CustomStreamMap, before: Mapping[str, Any], logger: logging.Logger
    ) -> None:
        self._stream = stream_map.stream_alias
        self._transform = stream_map.transform
        self._warn = logger.warning
        self._warned: set[str] = set()
        keys = stream_map.transformed_key_properties or ()
        declared = stream_map.transformed_schema["properties"]
        self._declared = {
            name: DeclaredType(schema, is_key=name in keys) for name, schema in declared.items()
        }
        self._same = {name for name in declared if declared[name] == before.get(name)}
        self._never_null = [name for name, kind in self._declared.items() if not kind.is_nullable]

    def transform(self, record: Record) -> Record | None:
        """Apply the map to a record.

        A value that its type does not allow, and that cannot be converted, raises SettingsError.
        """
        mapped: Record | None = self._transform(record)
        if mapped is None:
            return None
        for name, value in mapped.items():
            declared = self._declared.get(name)
            if declared is None or value.__class__ in declared.unchanged:
                continue
            if value is not record.get(name) or name not in self._same:
                mapped[name] = self._fit(name, declared, value)
        for name in self._never_null:
            if mapped.get(name, name) is None:
                # Dixa sent none: it is there so that expressions can name it.
                del mapped[name]
        return mapped

    def _fit(self, name: str, declared: DeclaredType, value: Any) -> Any:
        # What JSON does not have is written as JSON has it: a date as a string, a set as an array.
        plain = msgspec.to_builtins(value, str_keys=True)
        try:
            fitted = declared.fit(plain)
        except ValueError:
            raise SettingsError(
                f"{self._wrong(name, plain)}. Put int(…), float(…), bool(…) or str(…) around it"
            ) from None
        if fitted.__class__ is not plain.__class__ and name not in self._warned:
            self._warned.add(name)
            self._warn("%s; such values are converted", self._wrong(name, plain))
        return fitted

    def _wrong(self, name: str, value: Any) -> str:
        return (
            f"stream_maps: an expression gives {kind_of(value)} for {name} of {self._stream}, "
            f"whose type is {self._declared[name]}"
        )


class DeclaredType:
    """The type of a property in the schema of mapped records. A key is never null."""

    def __init__(self, schema: Mapping[str, Any], *, is_key: bool) -> None:
        self._field = field_of(schema)
        self._format = schema.get("format")
        given = schema.get("type", ())
        self._types = [given] if isinstance(given, str) else [n for n in given if n != "null"]
        self._validator = Draft202012Validator(
            schema, format_checker=Draft202012Validator.FORMAT_CHECKER
        )
        self.is_nullable = self._field.is_nullable and not is_key
        """Whether it may be null."""
        # Integers may be larger than a loader can store; objects may hold what JSON does not have.
        seen = {NoneType, int, dict, list, *([str] if self._format else [])}
        self.unchanged = self._field.unchanged - seen | ({NoneType} if self.is_nullable else set())
        """The Python types whose values fit as they are, unseen."""

    def __str__(self) -> str:
        return " or ".join([*self._types, *filter(None, [self._format])])

    def fit(self, value: Any) -> Any:
        """Convert a value that JSON has, or raise ValueError if that would lose something."""
        # A number does not say whether it is seconds, milliseconds or a year.
        if value is None or (self._format and not isinstance(value, str)):
            raise ValueError(value)
        if not isinstance(value, dict | list):
            value = self._field.convert(value, [], ())
        if self._validator.is_valid(value):
            return value
        if isinstance(value, dict | list) and (not self._types or "string" in self._types):
            return msgspec.json.encode(value).decode()
        raise ValueError(value)


def change_records(stream_maps: Iterable[StreamMap]) -> bool:
    """Whether one of the stream maps changes records, or leaves some out."""
    return any(type(stream_map) is not SameRecordTransform for stream_map in stream_maps)

"""Values of stream-map expressions, made to fit the type that the SCHEMA declares for them.

The SDK declares a type from how an expression begins, and a string if that says nothing.
"""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any

import msgspec
from jsonschema import Draft202012Validator

from tap_dixa.errors import SettingsError
from tap_dixa.log_shapes import kind_of
from tap_dixa.records.fields import field_of

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

    from singer_sdk.helpers.types import Record
    from singer_sdk.mapper import CustomStreamMap


class FittingMap:
    """A stream map whose records satisfy the schema that the SDK declares for them.

    Args:
        stream_map: The SDK's map.
        schema: The schema of the records before it.
        logger: Where a conversion is warned of, once for each property.
    """

    def __init__(
        self, stream_map: CustomStreamMap, schema: Mapping[str, Any], logger: logging.Logger
    ) -> None:
        self._stream = stream_map.stream_alias
        self._transform = stream_map.transform
        self._log = logger
        self._warned: set[str] = set()
        keys = stream_map.transformed_key_properties or ()
        declared = stream_map.transformed_schema["properties"]
        self._declared = {
            name: DeclaredType(field, is_key=name in keys) for name, field in declared.items()
        }
        before = schema["properties"]
        self._same = {name for name in declared if declared[name] == before.get(name)}
        self._never_null = [
            name for name, kind in self._declared.items() if NoneType not in kind.unchanged
        ]

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
        given = kind_of(plain)
        try:
            fitted = declared.fit(plain)
        except ValueError:
            raise SettingsError(
                f"stream_maps: an expression gives {given} for {name} of {self._stream}, whose "
                f"type is {declared.description}. Put int(…), float(…), bool(…) or str(…) around it"
            ) from None
        if fitted.__class__ is plain.__class__:
            return fitted
        if name not in self._warned:
            self._warned.add(name)
            self._log.warning(
                "stream_maps: an expression gives %s for %s of %s, whose type is %s; such values "
                "are converted",
                given,
                name,
                self._stream,
                declared.description,
            )
        return fitted


class DeclaredType:
    """The type of a property in the schema of mapped records. A key is never null."""

    def __init__(self, schema: Mapping[str, Any], *, is_key: bool) -> None:
        types = schema.get("type", ())
        names = [types] if isinstance(types, str) else [name for name in types if name != "null"]
        field = field_of(schema)
        self._format = schema.get("format")
        self._is_nullable = field.is_nullable and not is_key
        self._has_texts = not self._format and (not names or "string" in names)
        self._field = field
        self._validator = Draft202012Validator(
            schema, format_checker=Draft202012Validator.FORMAT_CHECKER
        )
        self.description = " or ".join([*names, *filter(None, [self._format])])
        """Its types and its format, for messages."""
        # Integers may be larger than a loader can store; objects may hold what JSON does not have.
        seen = {NoneType, int, dict, list, *([str] if self._format else [])}
        self.unchanged = field.unchanged - seen | ({NoneType} if self._is_nullable else set())
        """The Python types whose values fit as they are, unseen."""

    def fit(self, value: Any) -> Any:
        """Convert a value that JSON has, or raise ValueError if that would lose something."""
        if value is None:
            if self._is_nullable:
                return None
        elif isinstance(value, dict | list):
            if self._validator.is_valid(value):
                return value
            if self._has_texts:
                return msgspec.json.encode(value).decode()
        # A number does not say whether it is seconds, milliseconds or a year.
        elif isinstance(value, str) or not self._format:
            converted = self._field.convert(value, [], ())
            if self._validator.is_valid(converted):
                return converted
        raise ValueError(value)

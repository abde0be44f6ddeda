"""Stream maps as the SDK applies them, with errors that name the stream and the expression."""

from __future__ import annotations

from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import SingerSDKError
from singer_sdk.mapper import CustomStreamMap, PluginMapper
from typing_extensions import override

from tap_dixa.errors import SettingsError
from tap_dixa.records.mapped_values import FittingMap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_HARMLESS = (ArithmeticError, AttributeError, TypeError)
"""Exceptions whose messages hold no value of a record."""


class StreamMapper(PluginMapper):
    """The SDK's mapper, with errors that name the stream and the expression."""

    @override
    def register_raw_stream_schema(
        self, stream_name: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        _naming(stream_name, self._register)(stream_name, schema, key_properties)
        for mapper in self.stream_maps[stream_name]:
            if isinstance(mapper, CustomStreamMap):
                # The SDK makes these objects itself: there is no class of ours to override.
                fitting = FittingMap(mapper, schema, self.logger)
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

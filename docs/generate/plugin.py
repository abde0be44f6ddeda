"""What the tap is made of, and its settings as `meltano.yml` and Meltano Hub declare them."""

from collections.abc import Iterator
from typing import Any

from tap_dixa.settings import CONFIG_JSONSCHEMA
from tap_dixa.singer.about import kind_of
from tap_dixa.streams import STREAMS
from tap_dixa.streams.base import DixaStream
from tap_dixa.tap import TapDixa

REQUIRED: list[str] = CONFIG_JSONSCHEMA["required"]
"""The settings without which nothing works."""


def settings_schema() -> dict[str, dict[str, Any]]:
    """Give the JSON Schema of each setting, the tap's own first, then the SDK's."""
    return {**CONFIG_JSONSCHEMA["properties"], **sdks_schema()}


def sdks_schema() -> dict[str, dict[str, Any]]:
    """Give the JSON Schema of each setting that the SDK adds to the tap's own."""
    schema: dict[str, Any] = {"properties": {}}
    TapDixa.append_builtin_config(schema)
    own = CONFIG_JSONSCHEMA["properties"]
    # Once the SDK has added them there, they are among the tap's as they are here.
    return {
        name: setting
        for name, setting in schema["properties"].items()
        if own.get(name, setting) == setting
    }


def settings() -> Iterator[dict[str, Any]]:
    """Declare each setting."""
    for name, schema in settings_schema().items():
        # Dates are texts: as date_iso8601, Meltano makes 01/02/2025 a day in January by itself.
        setting = {"name": name, "label": schema["title"], "kind": kind_of(schema)}
        if schema.get("secret"):
            setting["sensitive"] = True
        if "default" in schema:
            setting["value"] = schema["default"]
        yield {**setting, "description": schema["description"]}


def capabilities() -> list[str]:
    """List what the tap can do, in Meltano's words. The SDK does not count ``--test``."""
    return sorted({*map(str, TapDixa.capabilities), "test"})


def streams() -> list[DixaStream]:
    """Give the tap's streams, in the order of ``tap_dixa.streams.STREAMS``."""
    tap = TapDixa(validate_config=False, setup_mapper=False)
    return [stream(tap) for stream in STREAMS]


def selection() -> list[str]:
    """Select every stream that is selected by default."""
    off = [stream.name for stream in streams() if not stream.selected_by_default]
    return ["*.*", *(f"!{name}.*" for name in off)]

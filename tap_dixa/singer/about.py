"""What ``--about`` says of the settings. The documentation has the same words."""

import textwrap
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from singer_sdk.about import AboutInfo, TextFormatter
from typing_extensions import override

_WIDTH = 100


class Setting(NamedTuple):
    """A setting, or a part of one whose value is an object, in words."""

    name: str
    """Dots lead into objects."""
    variable: str
    """The environment variable; empty for a part."""
    kind: str
    default: str
    """Empty if there is none."""
    description: str
    is_required: bool


def kind_of(schema: Mapping[str, Any]) -> str:
    """Name the JSON type of a setting, whether or not it may be null.

    Raises:
        ValueError: It may be of more than one type.
    """
    (kind,) = (name for name in schema["type"] if name != "null")
    return str(kind)


def settings_of(
    schemas: Mapping[str, Mapping[str, Any]], required: Collection[str], prefix: str
) -> Iterator[Setting]:
    """Describe settings, each followed by its parts, by their JSON Schemas."""
    for name, schema in schemas.items():
        default = schema.get("default", "")
        default = str(default).lower() if isinstance(default, bool) else str(default)
        variable, description = f"{prefix}{name.upper()}", schema["description"]
        yield Setting(name, variable, _kind(schema), default, description, name in required)
        for part in settings_of(schema.get("properties", {}), (), ""):
            yield part._replace(name=f"{name}.{part.name}", variable="")


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if "type" not in schema:
        return "several"
    if schema.get("format") == "date-time":
        return "date or date-time"
    kind = {"string": "text"}.get(kind_of(schema), kind_of(schema))
    return (
        f"{kind}, {schema['minimum']:,} to {schema['maximum']:,}" if "minimum" in schema else kind
    )


class AboutText(TextFormatter, format_name="text"):
    """Writes the SDK's text, with a description of each setting."""

    @override
    def format_about(self, about_info: AboutInfo) -> str:
        lines = [super().format_about(replace(about_info, settings={})).rstrip()]
        schema, prefix = about_info.settings, about_info.env_var_prefix
        for setting in settings_of(schema["properties"], schema["required"], prefix):
            default = f"default: {setting.default}" if setting.default else ""
            facts = (setting.kind, setting.variable, "required" * setting.is_required, default)
            lines.append(f"  {setting.name} ({'; '.join(filter(None, facts))})")
            indent = " " * 4
            lines += textwrap.wrap(
                setting.description, _WIDTH, initial_indent=indent, subsequent_indent=indent
            )
        return "\n".join(lines)

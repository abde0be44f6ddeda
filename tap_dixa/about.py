"""``--about --format=markdown``: a page to paste, and the tables of settings that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.about import AboutFormatter
from typing_extensions import override

from tap_dixa.markdown import codes, table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from singer_sdk.about import AboutInfo

_HEAD = ("Setting", "Environment variable", "Type", "Default", "What it is")


class Page(AboutFormatter, format_name="markdown"):
    """Takes the place of the SDK's page, which lacks types and environment variables."""

    @override
    def format_about(self, about_info: AboutInfo) -> str:
        pythons = about_info.supported_python_versions or ["3"]
        settings = about_info.settings
        return f"""\
# {about_info.name}

{about_info.description}

Version {about_info.version}, for Python {pythons[0]} to {pythons[-1]}, built on the
[Meltano Singer SDK](https://sdk.meltano.com) {about_info.sdk_version}.

## Capabilities

{codes(sorted(map(str, about_info.capabilities)))}

## Settings

{settings_table(settings["properties"], settings["required"], about_info.env_var_prefix)}
"""


def settings_table(
    settings: Mapping[str, Mapping[str, Any]], required: Collection[str], prefix: str
) -> str:
    """Write a table of settings in Markdown.

    Args:
        settings: The JSON Schema of each.
        required: Those without which nothing works.
        prefix: What their environment variables begin with.
    """
    return table(
        _HEAD,
        (row for name, schema in settings.items() for row in _rows(name, schema, required, prefix)),
    )


def kind_of(schema: Mapping[str, Any]) -> str:
    """Name the JSON type of a setting, whether or not it may be null.

    Raises:
        ValueError: It may be of more than one type.
    """
    (kind,) = (one for one in schema["type"] if one != "null")
    return str(kind)


def _rows(
    name: str, schema: Mapping[str, Any], required: Collection[str], prefix: str | None
) -> Iterator[tuple[str, ...]]:
    yield (
        f"`{name}`",
        f"`{prefix}{name.upper()}`" if prefix else "",
        _type(schema),
        "**required**" if name in required else _default(schema),
        schema["description"],
    )
    for key, part in schema.get("properties", {}).items():
        yield from _rows(f"{name}.{key}", part, (), None)


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "type" not in schema:
        return "several"
    if schema.get("format") == "date-time":
        return "date or date-time"
    kind = {"string": "text"}.get(kind_of(schema), kind_of(schema))
    return (
        f"{kind}, {schema['minimum']:,} to {schema['maximum']:,}" if "minimum" in schema else kind
    )


def _default(schema: Mapping[str, Any]) -> str:
    value = schema.get("default")
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"

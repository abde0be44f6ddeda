"""The settings."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from docs.generate.markdown import table
from docs.generate.plugin import REQUIRED, kind_of, sdks_schema, settings_schema

_INTRODUCTION = """\
# Settings

Two are required: `api_token` and `start_date`. The rest have defaults that suit most.

## Ways to give them

In a file:

```sh
tap-dixa --config config.json
```

```json
{"api_token": "…", "start_date": "2025-01-01"}
```

From the environment, each as `TAP_DIXA_` and its name in capitals. An empty variable counts as
none, and an object is given as JSON. `--config` can be given more than once, here with the token
from the environment and the rest from a file:

```sh
export TAP_DIXA_API_TOKEN=…
tap-dixa --config config.json --config ENV
```

In `meltano.yml`, under the extractor's `config`. Meltano reads the same environment variables, also
from a file `.env` beside it: the place for the token.

```yaml
plugins:
  extractors:
  - name: tap-dixa
    config:
      start_date: '2025-01-01'
      window_days: 7
```

Dates begin with the year: `2025-01-31`, `2025-1-31`, `2025/01/31` and `20250131` are the same day,
and `2025-01-31 09:00` or `2025-01-31T09:00:00+01:00` a time in it. Without an offset it is UTC.
`01/02/2025` could be two days and is refused. In YAML, put quotes around a time with an offset:
Meltano drops the offset otherwise.

`tap-dixa --about` lists the settings with their types and environment variables. `tap-dixa --test
--config config.json` tries them, with a few requests a stream."""

_OWN = """\
## The tap's own"""

_HEAD = ("Setting", "Environment variable", "Type", "Default", "What it is")

_SDK = """\
## The SDK's

Every tap that is built on the Meltano Singer SDK has them. A dot reaches into an object."""


def page() -> str:
    """Write the page."""
    sdks = sdks_schema()
    own = {name: schema for name, schema in settings_schema().items() if name not in sdks}
    parts = [_INTRODUCTION, _OWN, _table(own), _SDK, _table(sdks)]
    return "\n\n".join(parts) + "\n"


def _table(schemas: dict[str, dict[str, Any]]) -> str:
    rows = (row for name, schema in schemas.items() for row in _rows(name, schema, REQUIRED))
    return table(_HEAD, rows)


def _rows(
    name: str, schema: Mapping[str, Any], required: Collection[str]
) -> Iterator[tuple[str, ...]]:
    yield (
        f"`{name}`",
        "" if "." in name else f"`TAP_DIXA_{name.upper()}`",
        _type(schema),
        "**required**" if name in required else _default(schema),
        schema["description"],
    )
    for key, part in schema.get("properties", {}).items():
        yield from _rows(f"{name}.{key}", part, ())


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

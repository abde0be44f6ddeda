"""The settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docs.generate.markdown import table
from docs.generate.plugin import REQUIRED, kind_of, sdks_schema, settings_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

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

`tap-dixa --about` prints what is below. `tap-dixa --test --config config.json` tries the settings,
with a request a stream."""

_OWN = """\
## The tap's own"""

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
    head = ("Setting", "Environment variable", "Type", "Default", "What it is")
    return table(head, (row for name, schema in schemas.items() for row in _rows(name, schema)))


def _rows(name: str, schema: dict[str, Any], *, inner: bool = False) -> Iterator[tuple[str, ...]]:
    yield (
        f"`{name}`",
        "" if inner else f"`TAP_DIXA_{name.upper()}`",
        _type(schema),
        _default(name, schema),
        schema["description"],
    )
    for key, part in schema.get("properties", {}).items():
        yield from _rows(f"{name}.{key}", part, inner=True)


def _type(schema: dict[str, Any]) -> str:
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


def _default(name: str, schema: dict[str, Any]) -> str:
    if name in REQUIRED:
        return "**required**"
    value = schema.get("default")
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"

"""The settings."""

from typing import Any

from docs.generate.markdown import codes, table
from docs.generate.plugin import REQUIRED, sdks_schema, settings_schema
from tap_dixa.singer.about import settings_of

_INTRODUCTION = """\
# Settings

`api_token` and `start_date` are required. The rest have defaults that suit most.

- **In a file:** `--config config.json`, with `{"api_token": "…", "start_date": "2025-01-01"}`.
- **In the environment:** `--config ENV`, each as `TAP_DIXA_` and its name in capitals, such as
  `TAP_DIXA_API_TOKEN`. An empty variable counts as none; objects and arrays are JSON,
  numbers in an array also `1,2`.
- **In both:** `--config config.json --config ENV`.
- **In `meltano.yml`**, under the extractor's `config`, or in a file `.env` beside it: the place for
  the token.

Dates begin with the year: `2025-01-31`, `2025-1-31`, `2025/01/31` and `20250131` are the same day,
and `2025-01-31 09:00` or `2025-01-31T09:00:00+01:00` a time in it. Without an offset it is UTC.
`01/02/2025` could be two days and is refused. In YAML, put quotes around a time with an offset.

`tap-dixa --about` lists the settings with types and variables."""

_OWN = """\
## The tap's own"""

_HEAD = ("Setting", "Type", "Default", "What it is")

_SDK = """\
## The SDK's

Every tap that is built on the Meltano Singer SDK has them. A dot reaches into an object."""


def page() -> str:
    """Write the page."""
    sdks = sdks_schema()
    own = {name: schema for name, schema in settings_schema().items() if name not in sdks}
    del sdks["faker_config"]  # for `faker`, which the tap does not install
    parts = [_INTRODUCTION, _OWN, _table(own), _SDK, _table(sdks)]
    return "\n\n".join(parts) + "\n"


def _table(schemas: dict[str, dict[str, Any]]) -> str:
    rows = (
        (
            codes([setting.name]),
            setting.kind,
            "**required**" if setting.is_required else codes(filter(None, [setting.default])),
            setting.description,
        )
        for setting in settings_of(schemas, REQUIRED, "TAP_DIXA_")
    )
    return table(_HEAD, rows)

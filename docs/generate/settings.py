"""The settings."""

from __future__ import annotations

from typing import Any

from docs.generate.plugin import REQUIRED, sdks_schema, settings_schema
from tap_dixa.about import settings_table

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

`tap-dixa --about --format=markdown` prints what is below. `tap-dixa --test --config config.json`
tries the settings, with a few requests a stream."""

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
    return settings_table(schemas, REQUIRED, "TAP_DIXA_")

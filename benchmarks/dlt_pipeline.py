# /// script
# requires-python = ">=3.11"
# dependencies = ["dlt[duckdb,parquet,postgres]==1.31.0"]
# ///
"""The same two exports with dlt, as its documentation suggests: what the tap is compared with.

Usage: python dlt_pipeline.py CONFIG.json postgres|duckdb WHERE [NESTING]

CONFIG.json is the tap's, WHERE a connection string or a file. NESTING is how deep nested lists
become tables of their own; by default not at all: they become JSON, as with the tap.
"""

import json
import sys
import time
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.helpers import requests

WINDOW = 31 * 86_400_000
"""The longest interval of a request, in ms."""
FORMATS = {"postgres": "csv", "duckdb": "parquet"}
"""What dlt loads with the least CPU. INSERT, its default, takes six times as much into DuckDB."""


def milliseconds(text: str) -> int:
    """Read a time of the tap's settings."""
    return int(datetime.fromisoformat(text).timestamp()) * 1000


class Exports:
    """The Exports API, within its rate limit."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._url, self._token = config["exports_api_url"], config["api_token"]
        self._start, self._end = (milliseconds(config[f"{side}_date"]) for side in ("start", "end"))
        self._sent: deque[float] = deque(maxlen=config["requests_per_minute"])

    def read(self, path: str, field: str, start: int | None) -> Iterator[list[dict[str, Any]]]:
        """Yield the records of one window after another."""
        after = start or self._start
        while after < self._end:
            before = min(after + WINDOW, self._end)
            if len(self._sent) == self._sent.maxlen:
                time.sleep(max(0, self._sent[0] + 60 - time.monotonic()))
            self._sent.append(time.monotonic())
            response = requests.get(
                f"{self._url}/v1/{path}",
                headers={"Authorization": f"Bearer {self._token}"},
                params={f"{field}_after": after, f"{field}_before": before},
            )
            yield response.json()
            after = before


def main(config: str, kind: str, where: str, nesting: str = "0") -> None:
    """Extract, normalize and load."""
    exports = Exports(json.loads(Path(config).read_text()))

    @dlt.source(max_table_nesting=int(nesting))
    def dixa() -> Any:
        @dlt.resource(primary_key="id", write_disposition="merge")
        def conversations(updated_at=dlt.sources.incremental("updated_at")):  # noqa: ANN001, ANN202, B008
            yield from exports.read("conversation_export", "updated", updated_at.last_value)

        @dlt.resource(primary_key="id", write_disposition="merge")
        def messages(created_at=dlt.sources.incremental("created_at")):  # noqa: ANN001, ANN202, B008
            yield from exports.read("message_export", "created", created_at.last_value)

        return conversations, messages

    pipeline = dlt.pipeline(
        "dixa",
        pipelines_dir="dlt",
        destination=getattr(dlt.destinations, kind)(where),
        dataset_name="dixa",
    )
    pipeline.run(dixa(), loader_file_format=FORMATS[kind]).raise_on_failed_jobs()


if __name__ == "__main__":
    main(*sys.argv[1:])

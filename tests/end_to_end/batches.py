"""BATCH files: the setting, and what a run wrote."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.conftest import Run


def batch_config(folder: Path, **options: Any) -> dict[str, Any]:
    """Give the setting `batch_config` for files in a folder."""
    return {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": folder.as_uri()},
        **options,
    }


def batched(run: Run, stream: str) -> list[dict[str, Any]]:
    """Give the records of a stream that a run wrote to files in a folder, as announced."""
    return [
        json.loads(line)
        for message in run.of("BATCH", stream)
        for url in message["manifest"]
        for line in gzip.decompress(Path(url.removeprefix("file://")).read_bytes()).splitlines()
    ]

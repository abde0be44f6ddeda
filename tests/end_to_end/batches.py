"""BATCH files: the setting, and what a run wrote."""

import gzip
import json
from pathlib import Path
from typing import Any

Rows = dict[str, dict[tuple[Any, ...], dict[str, Any]]]
"""Records by stream and key."""


def batch_config(folder, **options):
    """Give the setting `batch_config` for files in a folder."""
    return {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": folder.as_uri()},
        **options,
    }


def batches_with_deletes(folder, **options):
    """Give the settings for files from which deletes can follow."""
    return {
        "emit_activate_version_messages": True,
        "batch_config": batch_config(folder, **options),
    }


def batched(run, stream):
    """Give the records of a stream that a run wrote to files in a folder, as announced."""
    return [
        record
        for message in run.of("BATCH", stream)
        for url in message["manifest"]
        for record in records_in(Path(url.removeprefix("file://")))
    ]


def emitted(run, stream):
    """Give the records of a stream, from its messages and its files."""
    return run.records(stream) + batched(run, stream)


def records_in(file):
    """Give the records in a file."""
    return [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]

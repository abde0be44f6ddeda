"""The loaders of docs/loaders.md, at the versions that it names."""

import yaml

from tests.end_to_end.conftest import LOADERS
from tests.end_to_end.loaders.loader import Loader
from tests.pages import blocks


def defined(plugin):
    """Give a loader as Meltano's file defines it, and its settings."""
    config = {s["name"]: s["value"] for s in plugin["settings"] if "value" in s}
    pinned = tuple(plugin["pip_url"].split())
    return Loader(plugin["executable"], pinned, plugin.get("env", {})), config


BLOCKS = {
    heading: defined(plugin)
    for heading, block in blocks("loaders.md", "yaml").items()
    for plugin in yaml.safe_load(block)
}
"""What the page tells to paste, by the heading that it stands under."""
POSTGRES, POSTGRES_CONFIG = defined(LOADERS["target-postgres"])
DUCKDB, DUCKDB_CONFIG = defined(LOADERS["target-duckdb"])
JSONL, JSONL_CONFIG = defined(LOADERS["target-jsonl"])
CSV, CSV_CONFIG = BLOCKS["CSV"]
S3_JSONL, S3_JSONL_CONFIG = BLOCKS["JSON Lines on S3"]
S3, S3_CONFIG = BLOCKS["JSON Lines on S3 2"]
SNOWFLAKE, _ = BLOCKS["Snowflake"]


def cloud(environment):
    """Give the setting of the loader of compressed files that leads it to a local S3."""
    there = {"aws_endpoint_override": environment["AWS_ENDPOINT_URL"]}
    return {**S3_CONFIG["cloud_provider"], "aws": {**S3_CONFIG["cloud_provider"]["aws"], **there}}

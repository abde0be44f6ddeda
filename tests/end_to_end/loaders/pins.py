"""The loaders that were tried, at their newest versions on the index: docs/loaders.md."""

from __future__ import annotations

from tests.end_to_end.conftest import LOADERS
from tests.end_to_end.loaders.loader import Loader


def defined(name):
    """Give a loader as meltano.yml defines it, and its settings."""
    plugin = LOADERS[name]
    config = {s["name"]: s["value"] for s in plugin["settings"] if "value" in s}
    pinned = tuple(plugin["pip_url"].split())
    return Loader(plugin["executable"], pinned, plugin.get("env", {})), config


OLD = "setuptools<81"
"""What loaders need that import pkg_resources."""
POSTGRES, POSTGRES_CONFIG = defined("target-postgres")
DUCKDB, DUCKDB_CONFIG = defined("target-duckdb")
JSONL, JSONL_CONFIG = defined("target-jsonl")
CSV = Loader("target-csv", ("meltanolabs-target-csv==0.5.0",))
S3 = Loader("target-s3", ("plinxore-target-s3==0.1.7",))
S3_JSONL = Loader("target-s3-jsonl", ("target-s3-jsonl==2.0.1",))
S3_CSV = Loader("target-s3-csv", ("pipelinewise-target-s3-csv==2.0.0",))
CLICKHOUSE = Loader("target-clickhouse", ("shaped-target-clickhouse==0.2.5", OLD))
OLD_POSTGRES = Loader("target-postgres", ("pipelinewise-target-postgres==2.1.2",))
SINGER_JSONL = Loader("target-singer-jsonl", ("target-singer-jsonl==0.1.0",))
SNOWFLAKE = Loader("target-snowflake", ("meltanolabs-target-snowflake==0.20.4",))
BIGQUERY = Loader("target-bigquery", ("z3-target-bigquery==0.7.2", OLD))
UNABLE = {
    Loader("target-csv", ("target-csv==0.3.0",)): "No module named 'pkg_resources'",
    Loader("target-sqlite", ("target-sqlite==0.2.0",)): "no attribute 'MutableMapping'",
    Loader("target-parquet", ("target-parquet==0.0.1",)): "pytz (>=2011k)",
}
"""What does not start, and what it says."""

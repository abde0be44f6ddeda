"""Catalogs and settings that take records the SDK's path, and change little else."""

from __future__ import annotations

from copy import deepcopy

import pytest

from tests.conftest import catalog

UNUSED = {"conversations": "direction", "messages": "direction", "activity_logs": "activityType"}
"""A field of each stream that no test of these looks at."""


def without_a_field(*streams):
    """Give a catalog that deselects a field of each stream that has a fast path."""
    chosen = deepcopy(catalog(*streams))
    for entry in chosen["streams"]:
        field = UNUSED.get(entry["tap_stream_id"])
        for item in entry["metadata"]:
            if item["breadcrumb"] == ["properties", field]:
                item["metadata"]["selected"] = False
    return chosen


both_selections = pytest.mark.parametrize(
    "select", [catalog, without_a_field], ids=["fast path", "SDK path"]
)
"""Mark a test of what is kept on whichever path records go: a stream map would have it dropped."""

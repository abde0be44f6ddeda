"""Catalogs and settings that take records the SDK's path, and change little else."""

import pytest

from tests.conftest import catalog
from tests.end_to_end.odd_rows import deselected

UNUSED = {"conversations": "direction", "messages": "direction", "activity_logs": "activityType"}
"""A field of each stream that no test of these looks at."""


def without_a_field(*streams):
    """Give a catalog that deselects a field of each stream that has a fast path."""
    chosen = [deselected(stream, field=UNUSED.get(stream)) for stream in streams]
    return {"streams": [entry for each in chosen for entry in each["streams"]]}


both_selections = pytest.mark.parametrize(
    "select", [catalog, without_a_field], ids=["fast path", "SDK path"]
)
"""Mark a test of what is kept on whichever path records go: a stream map would have it dropped."""

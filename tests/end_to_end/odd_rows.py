"""Rows that a test sends, and catalogs without a field, whose records go the SDK's path."""

import json
from copy import deepcopy

import pytest

from tests.conftest import catalog
from tests.faults import Refusal

UUID = "00000000-0000-4000-8000-000000000000"


def page(*rows):
    """Make a page of a list, from the JSON of its rows."""
    return Refusal(200, body=f'{{"data": [{", ".join(rows)}]}}')


def listed(*rows):
    """Make a page of a list of rows."""
    return page(*map(json.dumps, rows))


def deselected(*streams, field="additional_properties"):
    """Give a catalog that deselects a field of each stream."""
    chosen = deepcopy(catalog(*streams))
    for entry in chosen["streams"]:
        for item in entry["metadata"]:
            if item["breadcrumb"] == ["properties", field]:
                item["metadata"]["selected"] = False
    return chosen


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

"""Rows that a test sends, and catalogs without the column for what no field holds."""

import json
from copy import deepcopy

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

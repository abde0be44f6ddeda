"""Which fields a catalog or a stream map excludes."""

from __future__ import annotations

import pytest

from tap_dixa.records.exclusions import drops_new_fields, partly_selected

TEXT = {"type": ["string", "null"]}


def an_object(**fields):
    return {"type": ["object", "null"], "properties": fields}


TAP_FIELDS = {
    "id": TEXT,
    "author": an_object(email=TEXT, name=TEXT),
    "tags": {"type": "array", "items": an_object(name=TEXT, shade=TEXT)},
}


def test_what_the_schema_of_a_catalog_lacks():
    assert list(partly_selected(TAP_FIELDS, TAP_FIELDS, {})) == []
    given = {
        "author": an_object(name=TEXT, other=TEXT),
        "tags": {"type": "array", "items": an_object(name=TEXT)},
    }
    assert list(partly_selected(TAP_FIELDS, given, {})) == ["id", "author", "tags"]
    # An object without properties lets all of it pass.
    for open_field in ({"type": "object"}, {}):
        given = {"id": TEXT, "author": open_field, "tags": {"type": "array", "items": open_field}}
        assert list(partly_selected(TAP_FIELDS, given, {})) == []
    given = {"id": TEXT, "author": TEXT, "tags": {"type": "array"}}
    assert list(partly_selected(TAP_FIELDS, given, {})) == []


def test_what_a_catalog_deselects():
    selection = {
        (): False,
        ("properties",): False,
        ("properties", "id"): True,
        ("properties", "author", "properties", "email"): False,
        ("properties", "properties"): False,
        ("properties", "tags", "items", "properties", "shade"): False,
    }
    excluded = list(partly_selected(TAP_FIELDS, TAP_FIELDS, selection))
    assert excluded == ["author", "properties", "tags"]


@pytest.mark.parametrize(
    ("maps", "drops"),
    [
        ({}, False),
        ({"__else__": None, "messages": {"text": None}}, False),
        ({"tags": {"__else__": None}}, False),
        ({"messages": {"id": "id", "__else__": "__NULL__"}}, True),
        ({"mess*": {"__else__": None}}, True),
        ({"copy": {"__source__": "messages", "__else__": None}, "messages": {}}, True),
    ],
)
def test_whether_a_stream_map_drops_new_fields(maps, drops):
    assert drops_new_fields(maps, "messages") is drops

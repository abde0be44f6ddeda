"""What a catalog may ask of a stream, and what it may not."""

from __future__ import annotations

import json
from functools import cache

import pytest

from tap_dixa.catalog import read_catalog
from tap_dixa.errors import SettingsError
from tap_dixa.tap import TapDixa
from tests.conftest import catalog
from tests.end_to_end.everything import KEYS


@cache
def discovered():
    return TapDixa(config={}, validate_config=False, setup_mapper=False).catalog


def read(*entries):
    """Give what is left of a catalog's entries."""
    return read_catalog({"streams": list(entries)}, discovered()).to_dict()["streams"]


def entry(name, /, **changes):
    (found,) = json.loads(json.dumps(catalog(name)))["streams"]
    return {**found, **changes}


def item(*breadcrumb, **metadata):
    """Give an item of metadata. That of a stream selects it."""
    selected = {} if breadcrumb else {"selected": True}
    return {"breadcrumb": list(breadcrumb), "metadata": {**selected, **metadata}}


ROOT = item()
SCHEMA = entry("conversations")["schema"]


def changed(**properties):
    """Give a schema of conversations with other properties."""
    return {"schema": {**SCHEMA, "properties": {**SCHEMA["properties"], **properties}}}


REFUSED = {
    "a schema that is null": ({"schema": None}, "the entry of conversations"),
    "another key": ({"key_properties": ["id", "updated_at"]}, "__key_properties__"),
    "no key": ({"key_properties": []}, "__key_properties__"),
    "a key that is no list": ({"key_properties": 5}, "the entry of conversations"),
    "another key in the metadata": (
        {"metadata": [item(**{"table-key-properties": ["id", "updated_at"]})]},
        "__key_properties__",
    ),
    "another replication key": (
        {"replication_key": "created_at"},
        "can only be replicated INCREMENTAL by updated_at, not created_at",
    ),
    "another replication key in the metadata": (
        {"metadata": [item(**{"replication-key": "created_at"})]},
        "can only be replicated INCREMENTAL by updated_at, not created_at",
    ),
    "several replication keys": ({"replication_key": ["updated_at"]}, "INCREMENTAL by updated_at"),
    "several methods": ({"replication_method": ["INCREMENTAL"]}, "INCREMENTAL by updated_at"),
    "another method": ({"replication_method": "LOG_BASED"}, "INCREMENTAL by updated_at"),
    "renamed": ({"stream": "chats"}, "__alias__"),
    "metadata that is an object": ({"metadata": {"selected": True}}, "the entry of conversations"),
    "metadata of texts": ({"metadata": ["selected"]}, "the entry of conversations"),
    "an item without a breadcrumb": ({"metadata": [ROOT, {"metadata": {}}]}, "breadcrumb"),
    "an item without metadata": ({"metadata": [ROOT, {"breadcrumb": []}]}, "metadata"),
    "a breadcrumb that is a text": (
        {"metadata": [ROOT, {"breadcrumb": "properties", "metadata": {}}]},
        "breadcrumb",
    ),
    "selected as a text": ({"metadata": [item(selected="false")]}, "neither true nor false"),
    "a field selected as a text": (
        {"metadata": [ROOT, item("properties", "id", selected="no")]},
        "neither true nor false",
    ),
    "nothing that selects the stream": (
        {"metadata": [item("properties", "id", selected=True)]},
        "empty breadcrumb",
    ),
    "a property that is true": (changed(a=True), "the entry of conversations"),
    "an item that is true": (
        changed(a={"type": "array", "items": {"type": "object", "properties": {"b": True}}}),
        "the entry of conversations",
    ),
    "a list of items": (changed(a={"type": "array", "items": [{}]}), "the entry of conversations"),
    "a list of properties": ({"schema": {"properties": ["id"]}}, "the entry of conversations"),
    "a type that is a number": (changed(a={"type": 5}), "the entry of conversations"),
    "a type that is not in a list of texts": (
        changed(a={"type": "array", "items": {"type": ["string", ["null"]]}}),
        "the entry of conversations",
    ),
    "one of no list": (changed(a={"anyOf": 5}), "conversations.a "),
    "no properties": ({"schema": {}}, "lacks id, updated_at. Discover again"),
    "no replication key": (
        {"schema": {**SCHEMA, "properties": {"id": {"type": "integer"}}}},
        "lacks updated_at",
    ),
    "no object": ({"schema": {**SCHEMA, "type": "array"}}, "is not that of an object"),
}


@pytest.mark.parametrize(("changes", "said"), REFUSED.values(), ids=REFUSED)
def test_an_entry_that_the_tap_cannot_follow_is_refused(changes, said):
    with pytest.raises(SettingsError) as refused:
        read(entry("tags"), entry("conversations", **changes))
    assert str(refused.value).startswith("--catalog: ")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"replication_method": "INCREMENTAL"},
        {"replication_key": "id"},
        {"replication_method": None, "metadata": [item(**{"replication-key": "id"})]},
        {"replication_method": None, "metadata": [item(**{"forced-replication-method": [1]})]},
        {"metadata": [item(**{"replication-method": "INCREMENTAL"})]},
        {"metadata": [item(**{"replication-method": ["FULL_TABLE"]})]},
    ],
)
def test_a_list_is_replicated_whole_and_not_otherwise(changes):
    with pytest.raises(SettingsError, match="tags can only be replicated FULL_TABLE, not "):
        read(entry("tags", **changes))


@pytest.mark.parametrize("method", ["FULL_TABLE", "INCREMENTAL"])
def test_the_replication_method_in_the_metadata_is_what_a_user_chose(method):
    chosen = item(**{"replication-method": method, "forced-replication-method": "LOG_BASED"})
    (found,) = read(entry("conversations", metadata=[chosen], replication_method="LOG_BASED"))
    assert found["replication_method"] == method


def test_an_entry_that_is_there_twice_is_refused():
    with pytest.raises(SettingsError, match="tags is listed more than once"):
        read(entry("tags"), entry("tags"))


def test_what_is_left_out_is_filled_in():
    whole = entry("queue_members")
    names = ("metadata", "key_properties", "stream", "replication_method")
    (found,) = read({name: part for name, part in whole.items() if name not in names})
    assert found["key_properties"] == ["queueId", "agentId"]
    assert ROOT in found["metadata"]


def test_a_catalog_as_discovered_stays_as_it_is():
    entries = [entry(stream) for stream in ("conversations", *KEYS)]
    assert read(*entries) == entries


@pytest.mark.parametrize("metadata", [[], [ROOT]])
def test_a_stream_of_another_tap_is_refused_if_it_is_selected(metadata):
    other = {"tap_stream_id": "planets", "schema": {}}
    assert read({**other, "metadata": [item(selected=False)]}) == []
    with pytest.raises(SettingsError, match="planets is selected"):
        read({**other, "metadata": metadata})

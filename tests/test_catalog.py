"""What a catalog may ask of an incremental stream."""

from __future__ import annotations

import json

import pytest
from singer_sdk.singerlib import Catalog

from tap_dixa.catalog import read_catalog
from tap_dixa.errors import SettingsError
from tap_dixa.streams.conversations import ConversationsStream
from tap_dixa.tap import TapDixa
from tests.conftest import catalog
from tests.end_to_end.everything import KEYS, LISTS


class RenamedStream(ConversationsStream):
    """A stream of a user's own, which inherits its replication key."""


def apply(stream, **changes):
    tap = TapDixa(config={}, validate_config=False, setup_mapper=False)
    (entry,) = catalog("conversations")["streams"]
    built = stream(tap)
    built.apply_catalog(Catalog.from_dict({"streams": [{**entry, **changes}]}))
    return built


def test_a_subclass_has_its_parents_replication_key():
    assert apply(RenamedStream).replication_key == "updated_at"


@pytest.mark.parametrize("stream", [ConversationsStream, RenamedStream])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"replication_key": "created_at"}, "can only be replicated by updated_at"),
        (
            {"metadata": [{"breadcrumb": [], "metadata": {"replication-key": "created_at"}}]},
            "can only be replicated by updated_at, not by created_at",
        ),
        ({"replication_key": ["updated_at"]}, "can only be replicated by updated_at"),
        ({"replication_method": ["INCREMENTAL"]}, "INCREMENTAL or FULL_TABLE"),
        ({"replication_method": "LOG_BASED"}, "INCREMENTAL or FULL_TABLE"),
        (
            {"schema": {"type": "object", "properties": {"updated_at": {"type": "string"}}}},
            "must stay a date-time",
        ),
    ],
)
def test_what_the_stream_cannot_do_is_refused(stream, changes, said):
    with pytest.raises(SettingsError, match=said):
        apply(stream, **changes)


def read(*entries):
    keys = {"conversations": ("id",), **KEYS}
    return read_catalog({"streams": list(entries)}, keys, LISTS)["streams"]


def entry(name, /, **changes):
    (found,) = json.loads(json.dumps(catalog(name)))["streams"]
    return {**found, **changes}


def item(*breadcrumb, **metadata):
    return {"breadcrumb": list(breadcrumb), "metadata": metadata}


ROOT = item(selected=True)
ID = {"id": {"type": "integer"}}
REFUSED = {
    "no schema": ({"schema": None}, "a catalog has streams"),
    "another key": ({"key_properties": ["id", "updated_at"]}, "__key_properties__"),
    "no key": ({"key_properties": []}, "__key_properties__"),
    "another key in the metadata": (
        {"metadata": [item(**{"table-key-properties": ["id", "updated_at"]})]},
        "__key_properties__",
    ),
    "renamed": ({"stream": "chats"}, "__alias__"),
    "metadata that is an object": ({"metadata": {"selected": True}}, "the metadata of"),
    "metadata of texts": ({"metadata": ["selected"]}, "the metadata of"),
    "an item without a breadcrumb": ({"metadata": [ROOT, {"metadata": {}}]}, "breadcrumb"),
    "an item without metadata": ({"metadata": [ROOT, {"breadcrumb": []}]}, "breadcrumb"),
    "a breadcrumb that is a text": (
        {"metadata": [ROOT, {"breadcrumb": "properties", "metadata": {}}]},
        "breadcrumb",
    ),
    "selected as a text": ({"metadata": [item(selected="false")]}, "true or false"),
    "nothing that selects the stream": (
        {"metadata": [item("properties", "id", selected=True)]},
        "empty breadcrumb",
    ),
    "a property that is true": ({"schema": {"properties": {**ID, "a": True}}}, "conversations.a "),
    "an item that is true": (
        {"schema": {"properties": {**ID, "a": {"items": {"properties": {"b": True}}}}}},
        "conversations.a[].b ",
    ),
    "a list of items": ({"schema": {"properties": {**ID, "a": {"items": [{}]}}}}, "a[] "),
    "a list of properties": ({"schema": {"properties": ["id"]}}, "properties of"),
    "a type that is a number": (
        {"schema": {"properties": {**ID, "a": {"type": 5}}}},
        "conversations.a ",
    ),
    "a type that is not in a list of texts": (
        {"schema": {"properties": {**ID, "a": {"items": {"type": ["string", ["null"]]}}}}},
        "conversations.a[] ",
    ),
    "a type that is true, in one of several": (
        {"schema": {"properties": {**ID, "a": {"anyOf": [{"type": True}, {}]}}}},
        "conversations.a ",
    ),
    "one of no list": ({"schema": {"properties": {**ID, "a": {"anyOf": 5}}}}, "conversations.a "),
    "one of numbers": ({"schema": {"properties": {**ID, "a": {"oneOf": [5]}}}}, "conversations.a "),
    "no properties": ({"schema": {}}, "Discover again"),
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
    with pytest.raises(SettingsError, match="tags can only be replicated FULL_TABLE, not by "):
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
    assert found["metadata"] == [ROOT]


def test_a_catalog_as_discovered_stays_as_it_is():
    entries = [entry(stream) for stream in KEYS]
    assert read(*entries) == entries


def test_a_stream_of_another_tap_is_refused_only_if_it_is_selected():
    other = {"tap_stream_id": "planets", "schema": {}}
    assert (
        len(read(other, {**other, "tap_stream_id": "moons", "metadata": [item(selected=False)]}))
        == 2
    )
    with pytest.raises(SettingsError, match="planets is selected"):
        read({**other, "metadata": [ROOT]})

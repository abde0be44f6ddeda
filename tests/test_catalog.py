"""What a catalog may ask of a stream, and what it may not."""

import json
from functools import cache

import pytest

from tap_dixa.errors import SettingsError
from tap_dixa.singer.catalog import read_catalog
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
WAY = "can only be replicated INCREMENTAL by updated_at"
REFUSED = {
    "a schema that is null": ({"schema": None}, "the entry of conversations"),
    "another key": ({"key_properties": ["id", "updated_at"]}, "__key_properties__"),
    "another key in the metadata": (
        {"metadata": [item(**{"table-key-properties": ["id", "updated_at"]})]},
        "__key_properties__",
    ),
    "another replication key": ({"replication_key": "created_at"}, f"{WAY}, not created_at"),
    "another replication key in the metadata": (
        {"metadata": [item(**{"replication-key": "created_at"})]},
        f"{WAY}, not created_at",
    ),
    "another method": ({"replication_method": "LOG_BASED"}, f"{WAY}, not LOG_BASED"),
    "metadata that is an object": ({"metadata": {"selected": True}}, "the entry of conversations"),
    "selected as a text": ({"metadata": [item(selected="false")]}, "neither true nor false"),
    "a field selected as a text": (
        {"metadata": [ROOT, item("properties", "id", selected="no")]},
        "neither true nor false",
    ),
    "no properties": ({"schema": {}}, "lacks id, updated_at. Discover again"),
    "no replication key": (
        {"schema": {**SCHEMA, "properties": {"id": {"type": "integer"}}}},
        "lacks updated_at",
    ),
}


@pytest.mark.parametrize(("changes", "said"), REFUSED.values(), ids=REFUSED)
def test_an_entry_that_the_tap_cannot_follow_is_refused(changes, said):
    with pytest.raises(SettingsError) as refused:
        read(entry("tags"), entry("conversations", **changes))
    assert str(refused.value).startswith("--catalog: ")
    assert said in str(refused.value)


TIME = {"type": "string", "format": "date-time"}
TEXT = {"type": ["string", "null"]}
NOT_FOLLOWED = {
    "a time as one of several": ("created_at", {"anyOf": [TIME, {"type": "null"}]}),
    "beside a type": ("created_at", {**TEXT, "anyOf": [TIME, {"type": "null"}]}),
    "no type": ("subject", {"description": "…"}),
    "a type that JSON does not have": ("created_at", {"type": "timestamp"}),
    "null alone": ("subject", {"type": ["null"]}),
    "a date": ("created_at", {**TEXT, "format": "date"}),
    "a time without its format": ("created_at", TEXT),
    "a time as a number": ("created_at", {"type": ["number", "null"]}),
    "a time or a number": ("created_at", {"type": ["string", "integer"], "format": "date-time"}),
    "a format of a text": ("subject", {**TEXT, "format": "uuid"}),
    "in an object": ("tags_info", {"type": "array", "items": {"anyOf": [{"type": "string"}]}}),
    "an object without fields": (
        "additional_properties",
        {"type": ["object", "null"], "additionalProperties": False},
    ),
    "new fields as a text": ("additional_properties", TEXT),
    "new fields as documented": (
        "additional_properties",
        {"type": "object", "properties": {"brandNewField": {"type": "boolean"}}},
    ),
    "a key that is a list": ("id", {"type": ["array", "null"]}),
}


@pytest.mark.parametrize(("field", "schema"), NOT_FOLLOWED.values(), ids=NOT_FOLLOWED)
def test_a_schema_that_the_tap_cannot_follow_is_refused(field, schema):
    changed = entry("conversations")
    changed["schema"]["properties"][field] = schema
    with pytest.raises(SettingsError, match=rf"^--catalog: the schema of conversations\.{field}"):
        read(changed)


@pytest.mark.parametrize(
    ("stream", "key"), [("messages", "id"), ("tags", "id"), ("analytics_records", "recordId")]
)
def test_a_key_of_strings_does_not_become_a_number(stream, key):
    changed = entry(stream)
    changed["schema"]["properties"][key] = {"type": "integer"}
    with pytest.raises(SettingsError, match=rf"the schema of {stream}\.{key} is never null"):
        read(changed)


@pytest.mark.parametrize(
    "changes",
    [
        {"replication_method": "INCREMENTAL"},
        {"replication_key": "id"},
        {"replication_method": None, "metadata": [item(**{"replication-key": "id"})]},
        {"metadata": [item(**{"replication-method": "INCREMENTAL"})]},
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


def test_what_is_left_out_is_filled_in():
    whole = entry("queue_members")
    names = ("metadata", "key_properties", "stream", "replication_method")
    (found,) = read({name: part for name, part in whole.items() if name not in names})
    assert found["key_properties"] == ["queueId", "agentId"]
    assert ROOT in found["metadata"]


def test_a_catalog_as_discovered_stays_as_it_is():
    entries = [entry(stream) for stream in ("conversations", *KEYS)]
    assert read(*entries) == entries


def test_a_stream_that_no_item_selects_is_not_selected():
    assert read(entry("tags", metadata=[item("properties", "id", selected=True)])) == []


@pytest.mark.parametrize("metadata", [[], [ROOT]])
def test_a_stream_of_another_tap_is_refused_if_it_is_selected(metadata):
    other = {"tap_stream_id": "planets", "schema": {}}
    assert read({**other, "metadata": [item(selected=False)]}) == []
    with pytest.raises(SettingsError, match="planets is selected"):
        read({**other, "metadata": metadata})


@pytest.mark.parametrize("content", [{}, {"streams": None}, {"streams": ["x"]}, {"streams": [{}]}])
def test_what_is_no_catalog_is_refused(content):
    with pytest.raises(SettingsError, match="the output of tap-dixa --discover"):
        read_catalog(content, discovered())

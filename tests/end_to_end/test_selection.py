"""What a catalog or a stream map selects: streams and fields. `test_catalog.py` has the rest."""

import copy
import json

import pytest

from tests import expected
from tests.conftest import EXPORTS
from tests.end_to_end import checks
from tests.end_to_end.everything import BY_CONVERSATION, CATALOGUES, KEYS, RECORDS


@pytest.fixture(scope="module")
def catalog(run_tap):
    return json.loads(checks.succeeded(run_tap(None, "--discover")).output)


def test_discovery_needs_no_settings_and_describes_every_stream(catalog):
    streams = {stream["tap_stream_id"]: stream for stream in catalog["streams"]}
    cursors = {
        **expected.CURSORS,
        "activity_logs": "activityTimestamp",
        **dict.fromkeys(BY_CONVERSATION, "conversationUpdatedAt"),
        **dict.fromkeys(RECORDS, "timestamp"),
    }
    off = {*BY_CONVERSATION, *RECORDS, *CATALOGUES}
    keys = {**dict.fromkeys([*cursors, *off], ("id",)), **KEYS, **BY_CONVERSATION}
    assert streams.keys() == keys.keys()
    for name, stream in streams.items():
        assert tuple(stream["key_properties"]) == keys[name]
        assert stream.get("replication_key") == cursors.get(name)
        method = "INCREMENTAL" if name in cursors else "FULL_TABLE"
        assert stream["replication_method"] == method
        (root,) = (entry["metadata"] for entry in stream["metadata"] if not entry["breadcrumb"])
        assert root["selected"] == (name not in off)


@pytest.fixture
def chosen(catalog):
    """Give the entries of the exports alone, as somebody changes them, by stream."""
    return {
        entry["tap_stream_id"]: copy.deepcopy(entry)
        for entry in catalog["streams"]
        if entry["tap_stream_id"] in EXPORTS
    }


def metadata(entry, *breadcrumb):
    (item,) = (item for item in entry["metadata"] if item["breadcrumb"] == [*breadcrumb])
    return item["metadata"]


@pytest.fixture
def account(account_of):
    return account_of()


def without(records, *names):
    return {k: {n: v for n, v in r.items() if n not in names} for k, r in records.items()}


def test_nothing_selected_is_warned_of(account):
    assert "No stream is selected" in checks.succeeded(account.sync(chosen={"streams": []})).log
    assert account.answered == []


def test_a_deselected_stream_is_not_asked_for(account, chosen):
    metadata(chosen["conversations"])["selected"] = False
    run = checks.succeeded(account.sync(chosen={"streams": [*chosen.values()]}))
    assert checks.requests(account.sandbox, "conversations") == []
    assert run.of("SCHEMA", "conversations") == run.of("RECORD", "conversations") == []
    checks.emitted_exactly(run, "messages", expected.records(account.data, "messages"))


def test_a_deselected_field_is_in_neither_schema_nor_records_unless_it_is_a_key(account, chosen):
    entry = chosen["conversations"]
    for field in ("requester_email", "ratings", "id", "updated_at"):
        metadata(entry, "properties", field).update(inclusion="available", selected=False)
    run = checks.succeeded(account.sync(chosen={"streams": [entry]}))
    wanted = expected.records(account.data, "conversations")
    checks.emitted_exactly(run, "conversations", without(wanted, "requester_email", "ratings"))
    checks.fits_its_schema(run, "conversations")
    (schema,) = run.of("SCHEMA", "conversations")
    assert not {"requester_email", "ratings"} & schema["schema"]["properties"].keys()


def test_fields_that_a_catalog_lacks_are_dropped_with_a_warning(account, chosen):
    fields = chosen["conversations"]["schema"]["properties"]
    del fields["subject"], fields["tags_info"]["items"]["properties"]["name"]
    run = checks.succeeded(account.sync(chosen={"streams": [chosen["conversations"]]}))
    wanted = without(expected.records(account.data, "conversations"), "subject")
    for tag in (tag for record in wanted.values() for tag in record["tags_info"]):
        del tag["name"]
    checks.emitted_exactly(run, "conversations", wanted)
    for field, line in zip(("subject", "tags_info[].name"), checks.warnings(run), strict=True):
        assert f"conversations: field {field} is not in the schema; its values are dropped" in line


def test_a_bookmark_belongs_to_what_was_read_whatever_a_map_lets_through(account):
    maps = {
        "conversations": {"__alias__": "chats", "__key_properties__": ["id", "updated_at"]},
        "messages": {"__filter__": "direction == 'inbound'"},
    }
    run = checks.succeeded(account.sync(*EXPORTS, stream_maps=maps))
    conversations = expected.records(account.data, "conversations")
    assert {record["id"] for record in run.records("chats")} == conversations.keys()
    assert run.of("SCHEMA", "chats")[0]["key_properties"] == ["id", "updated_at"]
    messages = expected.records(account.data, "messages").values()
    inbound = {r["id"] for r in messages if r["direction"] == "inbound"}
    assert {record["id"] for record in run.records("messages")} == inbound
    assert run.bookmark("messages") == max(record["created_at"] for record in messages)


def test_full_table_syncs_everything_again(account, chosen):
    # What Meltano writes for metadata: conversations: replication-method: FULL_TABLE.
    checks.succeeded(account.sync("conversations"))
    metadata(chosen["conversations"])["replication-method"] = "FULL_TABLE"
    again = checks.succeeded(account.sync(chosen={"streams": [chosen["conversations"]]}))
    wanted = expected.records(account.data, "conversations")
    checks.emitted_exactly(again, "conversations", wanted)

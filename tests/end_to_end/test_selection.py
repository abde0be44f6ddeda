from __future__ import annotations

import copy
import json

import pytest

from tests import expected
from tests.conftest import settings
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
        "conversation_notes": "conversationUpdatedAt",
        **dict.fromkeys(RECORDS, "timestamp"),
    }
    off = {*BY_CONVERSATION, *RECORDS, *CATALOGUES}
    keys = {**dict.fromkeys([*cursors, *off], ("id",)), **KEYS, **BY_CONVERSATION}
    assert set(streams) == set(keys)
    for name, stream in streams.items():
        assert tuple(stream["key_properties"]) == keys[name]
        assert stream.get("replication_key") == cursors.get(name)
        method = "INCREMENTAL" if name in cursors else "FULL_TABLE"
        assert stream["replication_method"] == method
        (root,) = (entry["metadata"] for entry in stream["metadata"] if not entry["breadcrumb"])
        assert root["selected"] == (name not in off)


@pytest.fixture
def exports(catalog):
    """Give the entries of the exports alone: the other streams take their time."""
    return {"streams": [e for e in catalog["streams"] if e["tap_stream_id"] in expected.STREAMS]}


def changed(catalog, *, selected=True, without=(), **changes):
    """Give a catalog with another entry of conversations, and the metadata of its stream."""
    chosen = copy.deepcopy(catalog)
    (entry,) = (e for e in chosen["streams"] if e["tap_stream_id"] == "conversations")
    entry.update(changes)
    metadata = {tuple(item["breadcrumb"]): item for item in entry["metadata"]}
    metadata[()]["metadata"]["selected"] = selected
    for field in without:
        metadata["properties", field]["metadata"] = {"inclusion": "available", "selected": False}
    return chosen, entry, metadata[()]["metadata"]


def test_a_catalog_as_discovered_syncs_everything(serve, run_tap, catalog):
    sandbox = serve()
    run = checks.succeeded(run_tap(settings(sandbox), catalog=catalog))
    for stream in expected.STREAMS:
        checks.emitted_exactly(run, stream, expected.records(sandbox.data, stream))


def test_nothing_selected_is_warned_of(serve, run_tap):
    sandbox = serve()
    run = checks.succeeded(run_tap(settings(sandbox), catalog={"streams": []}))
    assert "No stream is selected" in run.log
    assert sandbox.answered == []


def test_a_deselected_stream_is_not_asked_for(serve, run_tap, exports):
    sandbox = serve()
    chosen, *_ = changed(exports, selected=False)
    run = checks.succeeded(run_tap(settings(sandbox), catalog=chosen))
    assert checks.requests(sandbox, "conversations") == []
    assert run.of("SCHEMA", "conversations") == run.of("RECORD", "conversations") == []
    checks.emitted_exactly(run, "messages", expected.records(sandbox.data, "messages"))


def test_a_deselected_field_is_in_neither_schema_nor_records_unless_it_is_a_key(
    serve, run_tap, exports
):
    sandbox = serve()
    chosen, *_ = changed(exports, without=("requester_email", "ratings", "id", "updated_at"))
    run = checks.succeeded(run_tap(settings(sandbox), catalog=chosen))
    wanted = expected.records(sandbox.data, "conversations")
    for record in wanted.values():
        record.pop("requester_email", None)
        record.pop("ratings", None)
    checks.emitted_exactly(run, "conversations", wanted)
    checks.fits_its_schema(run, "conversations")
    (schema,) = run.of("SCHEMA", "conversations")
    assert not {"requester_email", "ratings"} & schema["schema"]["properties"].keys()


def test_fields_that_a_catalog_lacks_are_dropped_with_a_warning(serve, run_tap, exports):
    sandbox = serve()
    older, entry, _ = changed(exports)
    del entry["schema"]["properties"]["subject"]
    del entry["schema"]["properties"]["tags_info"]["items"]["properties"]["name"]
    run = checks.succeeded(run_tap(settings(sandbox), catalog=older))
    wanted = expected.records(sandbox.data, "conversations")
    for record in wanted.values():
        record.pop("subject", None)
        for tag in record["tags_info"]:
            del tag["name"]
    checks.emitted_exactly(run, "conversations", wanted)
    warnings = checks.warnings(run)
    assert len(warnings) == 2
    for field in ("subject", "tags_info[].name"):
        line = f"conversations: field {field} is not in the schema; its values are dropped"
        assert sum(line in warning for warning in warnings) == 1


def test_stream_maps_and_flattening(serve, run_tap):
    sandbox = serve()
    changes = {
        "stream_maps": {
            "conversations": {
                "requester_email": "md5(requester_email) if requester_email else None",
                "requester_name": None,
                "__alias__": "chats",
            },
            "messages": {"__filter__": "direction == 'inbound'"},
        },
        "flattening_enabled": True,
        "flattening_max_depth": 1,
    }
    run = checks.succeeded(run_tap(settings(sandbox, **changes)))
    chats = run.records("chats")
    wanted = expected.records(sandbox.data, "conversations")
    assert {record["id"] for record in chats} == wanted.keys()
    assert not any("requester_name" in record for record in chats)
    assert not any("@" in (record.get("requester_email") or "") for record in chats)
    inbound = {
        key
        for key, record in expected.records(sandbox.data, "messages").items()
        if record["direction"] == "inbound"
    }
    assert {record["id"] for record in run.records("messages")} == inbound
    # The bookmark belongs to what was read, whatever the map let through.
    newest = max(r["created_at"] for r in expected.records(sandbox.data, "messages").values())
    assert run.bookmark("messages") == newest


@pytest.mark.slow
def test_the_connection_test_is_cheap(serve, run_tap):
    sandbox = serve(conversations=3000, days=40)
    run = checks.succeeded(run_tap(settings(sandbox), "--test"))
    assert len(sandbox.answered) < 90
    for stream in expected.STREAMS:
        for query in checks.requests(sandbox, stream):
            values = [int(value) for value in query.values()]
            assert max(values) - min(values) < 25 * 3_600_000
        assert len(run.records(stream)) == 1


def test_a_catalog_that_would_lose_records_is_refused(serve, run_tap, exports):
    sandbox = serve()
    chosen, *_ = changed(exports, replication_key="created_at")
    assert "--catalog" in checks.failed(run_tap(settings(sandbox), catalog=chosen))
    assert sandbox.answered == []


def test_full_table_syncs_everything_again(serve, run_tap, exports):
    sandbox = serve()
    in_the_entry, *_ = changed(exports, replication_method="FULL_TABLE")
    # What Meltano writes for metadata: conversations: replication-method: FULL_TABLE.
    in_the_metadata, _, root = changed(exports)
    root["replication-method"] = "FULL_TABLE"
    first = run_tap(settings(sandbox), catalog=exports)
    for chosen in (in_the_entry, in_the_metadata):
        again = checks.succeeded(run_tap(settings(sandbox), catalog=chosen, state=first.state))
        checks.emitted_exactly(
            again, "conversations", expected.records(sandbox.data, "conversations")
        )

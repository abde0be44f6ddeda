from __future__ import annotations

import copy
import json

import pytest

from tests import expected, forks
from tests.conftest import settings
from tests.end_to_end import checks
from tests.end_to_end.everything import BY_CONVERSATION, CATALOGUES, KEYS, RECORDS


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    status, output, _ = forks.run(["--discover"], tmp_path_factory.mktemp("discovery"))
    assert status == 0
    return json.loads(output)


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


def select(catalog, stream, breadcrumb, selected):
    changed = copy.deepcopy(catalog)
    (entry,) = (entry for entry in changed["streams"] if entry["tap_stream_id"] == stream)
    for metadata in entry["metadata"]:
        if metadata["breadcrumb"] == breadcrumb:
            metadata["metadata"]["selected"] = selected
    return changed


def test_a_catalog_as_discovered_syncs_everything(serve, run_tap, catalog):
    sandbox = serve()
    for stream in expected.STREAMS:
        catalog = select(catalog, stream, [], True)
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
    chosen = select(select(exports, "messages", [], True), "conversations", [], False)
    run = checks.succeeded(run_tap(settings(sandbox), catalog=chosen))
    assert checks.requests(sandbox, "conversations") == []
    assert run.of("SCHEMA", "conversations") == run.of("RECORD", "conversations") == []
    checks.emitted_exactly(run, "messages", expected.records(sandbox.data, "messages"))


def test_a_deselected_field_is_in_neither_schema_nor_records(serve, run_tap, exports):
    sandbox = serve()
    chosen = select(exports, "conversations", [], True)
    for field in ("requester_email", "ratings"):
        chosen = select(chosen, "conversations", ["properties", field], False)
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
    older = select(exports, "conversations", [], True)
    (entry,) = (e for e in older["streams"] if e["tap_stream_id"] == "conversations")
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


def edit(catalog, **changes):
    changed = copy.deepcopy(catalog)
    (entry,) = (e for e in changed["streams"] if e["tap_stream_id"] == "conversations")
    entry.update(changes)
    return changed, entry


@pytest.mark.parametrize(
    "changes",
    [{"replication_key": "created_at"}, {"replication_method": "LOG_BASED"}, {"schema": {}}],
)
def test_a_catalog_that_would_lose_records_is_refused(serve, run_tap, catalog, changes):
    sandbox = serve()
    run = run_tap(settings(sandbox), catalog=edit(catalog, **changes)[0])
    assert "--catalog" in checks.failed(run)
    assert sandbox.answered == []


@pytest.mark.parametrize("content", [{}, {"streams": None}, {"streams": ["x"]}, {"streams": [{}]}])
def test_what_is_no_catalog_is_refused(serve, run_tap, content):
    run = run_tap(settings(serve()), catalog=content)
    assert "--discover" in checks.failed(run)


def test_key_and_cursor_come_even_if_deselected(serve, run_tap, exports):
    sandbox = serve()
    chosen, entry = edit(exports)
    for metadata in entry["metadata"]:
        if metadata["breadcrumb"] == []:
            metadata["metadata"]["selected"] = True
        if metadata["breadcrumb"] in (["properties", "id"], ["properties", "updated_at"]):
            metadata["metadata"] = {"inclusion": "available", "selected": False}
    run = checks.succeeded(run_tap(settings(sandbox), catalog=chosen))
    checks.emitted_exactly(run, "conversations", expected.records(sandbox.data, "conversations"))


def test_full_table_syncs_everything_again(serve, run_tap, exports):
    sandbox = serve()
    incremental = select(exports, "conversations", [], True)
    in_the_entry, _ = edit(incremental, replication_method="FULL_TABLE")
    # What Meltano writes for metadata: conversations: replication-method: FULL_TABLE.
    in_the_metadata, entry = edit(incremental)
    (root,) = (item["metadata"] for item in entry["metadata"] if not item["breadcrumb"])
    root["replication-method"] = "FULL_TABLE"
    first = run_tap(settings(sandbox), catalog=incremental)
    for chosen in (in_the_entry, in_the_metadata):
        again = checks.succeeded(run_tap(settings(sandbox), catalog=chosen, state=first.state))
        checks.emitted_exactly(
            again, "conversations", expected.records(sandbox.data, "conversations")
        )

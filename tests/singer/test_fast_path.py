"""The fast path and the SDK path give the same messages."""

from __future__ import annotations

import copy
import gzip
import io
import itertools
import json
from contextlib import redirect_stdout

import fsspec
import pytest
from singer_sdk.contrib.msgspec import MsgSpecWriter

from tap_dixa.singer.stdout import StdoutWriter
from tap_dixa.tap import TapDixa
from tests import expected
from tests.conftest import EXPORTS, HOUR, settings
from tests.conftest import catalog as selected


def messages_of(sandbox, writer, *, state=None, catalog=None, **changes):
    """Run the tap in this process; give its messages without the times of extraction."""
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    config = settings(sandbox, **changes)
    with redirect_stdout(output):
        TapDixa(
            config=config,
            state=state,
            catalog=catalog or selected(*EXPORTS),
            message_writer=writer,
        ).sync_all()
    output.seek(0)
    messages = [json.loads(line) for line in output]
    for message in messages:
        if message["type"] == "RECORD":
            assert message.pop("time_extracted").endswith("Z")
    return messages


def test_both_paths_write_the_same_messages_in_the_same_places(serve):
    sandbox = serve(conversations=400, days=20)
    fast = messages_of(sandbox, StdoutWriter())
    assert sum(message["type"] == "STATE" for message in fast) > 3
    assert fast == messages_of(sandbox, MsgSpecWriter())

    sandbox.data.now.now += HOUR
    state = fast[-1]["value"]
    again = messages_of(sandbox, StdoutWriter(), state=json.loads(json.dumps(state)))
    assert again == messages_of(sandbox, MsgSpecWriter(), state=state)
    assert len(again) > 10


@pytest.mark.parametrize(
    "changes",
    [
        {"stream_maps": {"messages": {"__filter__": "direction == 'inbound'"}}},
        {"stream_maps": {"conversations": {"requester_name": None}}},
        {"flattening_enabled": True, "flattening_max_depth": 1},
    ],
    ids=["filter", "removal", "flattening"],
)
def test_what_settings_ask_for_is_done_on_either_path(serve, changes):
    sandbox = serve()
    assert messages_of(sandbox, StdoutWriter(), **changes) == messages_of(
        sandbox, MsgSpecWriter(), **changes
    )


def batches(sandbox, folder, compression="gzip", **changes):
    """Run the tap with batch files; give their records by stream, and the messages."""
    config = {
        "encoding": {"format": "jsonl", "compression": compression},
        "storage": {"root": folder.as_uri(), "prefix": "dixa-"},
        "batch_size": 250,
    }
    messages = messages_of(sandbox, StdoutWriter(), batch_config=config, **changes)
    records = {}
    for message in messages:
        if message["type"] != "BATCH":
            continue
        assert message["encoding"] == config["encoding"]
        (url,) = message["manifest"]
        data = (folder / url.rsplit("/", 1)[1]).read_bytes()
        text = gzip.decompress(data) if compression == "gzip" else data
        lines = [json.loads(line) for line in text.splitlines()]
        assert 0 < len(lines) <= 250
        records.setdefault(message["stream"], []).extend(lines)
    return records, messages


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_batch_files_hold_every_record_once(serve, tmp_path, compression):
    sandbox = serve(conversations=400)
    records, messages = batches(sandbox, tmp_path, compression)
    for stream in expected.STREAMS:
        wanted = expected.records(sandbox.data, stream)
        assert len(records[stream]) == len(wanted)
        assert {record["id"]: record for record in records[stream]} == wanted
    assert not any(message["type"] == "RECORD" for message in messages)


def test_batch_files_go_to_any_file_system(serve):
    sandbox = serve()
    storage = fsspec.filesystem("memory")
    config = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": "memory://batches"},
    }
    messages_of(sandbox, StdoutWriter(), batch_config=config)
    lines = [
        json.loads(line)
        for name in storage.find("/batches")
        for line in gzip.decompress(storage.cat(name)).splitlines()
    ]
    wanted = [expected.records(sandbox.data, stream) for stream in expected.STREAMS]
    assert {line["id"]: line for line in lines} == wanted[0] | wanted[1]


def test_each_batch_is_followed_by_the_state_of_its_last_record(serve, tmp_path):
    sandbox = serve(conversations=400)
    records, messages = batches(sandbox, tmp_path)
    done = dict.fromkeys(expected.STREAMS, 0)
    for message, following in itertools.pairwise(messages):
        if message["type"] == "BATCH":
            stream = message["stream"]
            done[stream] = min(done[stream] + 240, len(records[stream]))
            last = records[stream][done[stream] - 1][expected.CURSORS[stream]]
            bookmark = following["value"]["bookmarks"][stream]["replication_key_value"]
            assert last <= bookmark <= records[stream][-1][expected.CURSORS[stream]]


def test_batch_files_of_an_export_in_full_throw_nothing_away(serve, tmp_path):
    chosen = copy.deepcopy(selected("conversations"))
    chosen["streams"][0]["replication_method"] = "FULL_TABLE"
    records, messages = batches(
        serve(conversations=400), tmp_path, catalog=chosen, emit_activate_version_messages=True
    )
    assert len(records["conversations"]) > 250
    assert "ACTIVATE_VERSION" not in {message["type"] for message in messages}


def test_batch_files_follow_stream_maps(serve, tmp_path):
    sandbox = serve()
    maps = {"conversations": {"requester_email": None}, "messages": {"__filter__": "text"}}
    records, _ = batches(sandbox, tmp_path, stream_maps=maps)
    assert records["conversations"]
    assert not any("requester_email" in record for record in records["conversations"])
    assert all(record["text"] for record in records["messages"])


def test_the_names_of_batch_files_are_in_the_order_of_their_records(serve, tmp_path):
    sandbox = serve(conversations=500)
    config = {
        "encoding": {"format": "jsonl", "compression": "none"},
        "storage": {"root": tmp_path.as_uri()},
        "batch_size": 40,
    }
    first = messages_of(sandbox, StdoutWriter(), batch_config=config)
    sandbox.data.now.now += HOUR
    state = first[-1]["value"]
    second = messages_of(sandbox, StdoutWriter(), batch_config=config, state=state)
    for stream in EXPORTS:
        announced = [
            url
            for message in (*first, *second)
            if message["type"] == "BATCH" and message["stream"] == stream
            for url in message["manifest"]
        ]
        assert len(announced) > 11
        assert announced == sorted(announced)

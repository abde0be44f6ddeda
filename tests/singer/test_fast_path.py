"""The fast path and the SDK path give the same messages; and BATCH files have what records have."""

import io
import json
import sys
from contextlib import redirect_stdout

import fsspec
import pytest
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig, StorageTarget

from tap_dixa.errors import SettingsError
from tap_dixa.singer.batch_files import check_batch_config
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


def batches(sandbox, root, size=250, compression="gzip", **changes):
    """Run the tap with BATCH files; give the records of each file by stream, and the messages."""
    encoding = {"format": "jsonl", "compression": compression}
    config = {"encoding": encoding, "storage": {"root": root}, "batch_size": size}
    messages = messages_of(sandbox, StdoutWriter(), batch_config=config, **changes)
    files = {stream: [] for stream in EXPORTS}
    for message in messages:
        if message["type"] == "BATCH":
            assert message["encoding"] == encoding
            (url,) = message["manifest"]
            packing = "gzip" if compression == "gzip" else None
            with fsspec.open(url, "rt", compression=packing, encoding="utf-8") as lines:
                files[message["stream"]].append([json.loads(line) for line in lines])
    return files, messages


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_batch_files_hold_every_record_once_on_any_file_system(serve, compression):
    sandbox = serve(conversations=400)
    files, messages = batches(sandbox, f"memory://{compression}", compression=compression)
    for stream in EXPORTS:
        wanted = expected.records(sandbox.data, stream)
        records = [record for file in files[stream] for record in file]
        assert len(records) == len(wanted)
        assert {record["id"]: record for record in records} == wanted
        assert all(0 < len(file) <= 250 for file in files[stream])
    assert not any(message["type"] == "RECORD" for message in messages)


def test_the_names_of_batch_files_are_in_the_order_of_their_records(serve, tmp_path):
    sandbox = serve(conversations=500)
    _, first = batches(sandbox, tmp_path.as_uri(), size=40)
    sandbox.data.now.now += HOUR
    _, second = batches(sandbox, tmp_path.as_uri(), size=40, state=first[-1]["value"])
    for stream in EXPORTS:
        announced = [
            url
            for message in (*first, *second)
            if message["type"] == "BATCH" and message["stream"] == stream
            for url in message["manifest"]
        ]
        assert len(announced) > 11
        assert announced == sorted(announced)


def test_without_s3fs_the_extra_that_brings_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    encoding = BaseBatchFileEncoding(format="jsonl", compression="gzip")
    config = BatchConfig(encoding, StorageTarget("s3://bucket"))
    with pytest.raises(SettingsError, match=r"pip install '\.\[s3\]'"):
        check_batch_config(config)

"""The writer emits each batch before the reader is asked for the next one."""

import io
import json
from contextlib import contextmanager, redirect_stdout
from types import SimpleNamespace

from tap_dixa.tap import TapDixa
from tests.conftest import both_paths, catalog, settings
from tests.end_to_end.batches import batch_config

STREAMS = ("conversations", "messages", "agents", "conversation_ratings", "analytics_records")


class Watched:
    """A stream's reader. It notes what had left when it was asked for a batch."""

    def __init__(self, reader, emitted):
        self._reader, self._emitted = reader, emitted
        self.late = []
        """How many rows were not emitted when the batch after them was asked for."""

    def __getattr__(self, name):
        return getattr(self._reader, name)

    def batches(self):
        read = 0
        for batch in self._reader.batches():
            yield batch
            read += len(batch.rows)
            self.late.append(read - self._emitted())


def watched(config, streams, emitted):
    """Run the tap in this process; give the readers of its streams."""
    tap = TapDixa(config=config, catalog=catalog(*streams))
    readers = []
    for stream in tap.streams.values():
        if stream.selected:

            def read(stream=stream, read=stream.read):
                readers.append(Watched(read(), lambda: emitted(stream.name)))
                return readers[-1]

            stream.read = read
    tap.sync_all()
    return readers


@both_paths
def test_records_have_left_before_the_next_batch_is_read(serve, options):
    sandbox = serve(conversations=40, days=6)
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)

    def emitted(stream):
        lines = output.buffer.getvalue().splitlines()
        messages = map(json.loads, lines)
        return sum(m["type"] == "RECORD" and m["stream"] == stream for m in messages)

    with redirect_stdout(output):
        readers = watched(settings(sandbox, **options), STREAMS, emitted)
    assert len(readers) == len(STREAMS)
    for reader in readers:
        assert len(reader.late) > 1
        assert set(reader.late) == {0}


def test_rows_are_in_a_file_before_the_next_batch_is_read(serve, tmp_path, monkeypatch):
    sandbox = serve(conversations=40, days=6)
    written = []

    @contextmanager
    def counted(_file, *, compress):  # noqa: ARG001 (as the writer calls it)
        yield SimpleNamespace(write=lambda lines: written.append(lines.count(b"\n")))

    monkeypatch.setattr("tap_dixa.singer.batch_files._lines", counted)
    config = settings(sandbox, batch_config=batch_config(tmp_path, batch_size=30))
    before = 0
    for stream in STREAMS:
        with redirect_stdout(io.TextIOWrapper(io.BytesIO())):
            (reader,) = watched(config, [stream], lambda _, before=before: sum(written) - before)
        assert len(reader.late) > 1
        assert set(reader.late) == {0}
        before = sum(written)

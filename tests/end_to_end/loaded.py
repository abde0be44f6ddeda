"""What a target holds after runs, and whether that is all that Dixa has."""

from pathlib import Path

from tests import expected
from tests.end_to_end import checks
from tests.end_to_end.batches import records_in
from tests.end_to_end.everything import BY_CONVERSATION, by_key, entries, rows_by_conversation
from tests.end_to_end.queried import analytics_records, counted


def held_at_states(run, before):
    """Give each STATE of a run, with what a target holds when it reads it: rows by stream and key.

    The run's BATCH files are still there. Before it, the target held something already.
    """
    held = dict(before)
    for message in run.messages:
        if message["type"] == "STATE":
            yield message["value"], dict(held)
        elif rows := rows_of(message):
            stream = message["stream"]
            held[stream] = held.get(stream, {}) | by_key(stream, rows)


def rows_of(message):
    """Give the records of a RECORD or a BATCH; other messages have none."""
    if message["type"] == "RECORD":
        return [message["record"]]
    files = [Path(url.removeprefix("file://")) for url in message.get("manifest", ())]
    return [record for file in files for record in records_in(file)]


def is_whole(sandbox, stream, rows):
    """Rows are all that Dixa has of a stream, field by field; of a key, the last one counts."""
    if stream == "analytics_records":
        assert counted(by_key(stream, rows).values()) == analytics_records(sandbox)
        return
    if stream in BY_CONVERSATION:
        known = rows_by_conversation(sandbox, stream)
    elif stream == "activity_logs":
        known = by_key(stream, entries(sandbox).values())
    else:
        known = by_key(stream, expected.records(sandbox.data, stream).values())
    if all("additional_properties" in row for row in rows):  # a stream map makes null of nothing
        rows, known = (
            map(checks.plain, rows),
            {key: checks.plain(row) for key, row in known.items()},
        )
    assert by_key(stream, rows) == known


def all_exported(run, data, start=0, end=1 << 62):
    """A run emitted every record of both exports in a time, each once, in order."""
    for stream in expected.STREAMS:
        checks.emitted_exactly(run, stream, expected.records(data, stream, start, end))

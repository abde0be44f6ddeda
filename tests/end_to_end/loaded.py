"""What a target holds after runs, and whether that is all that Dixa has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests import expected
from tests.end_to_end import checks
from tests.end_to_end.batches import records_in
from tests.end_to_end.everything import BY_CONVERSATION, by_key, entries, rows_by_conversation
from tests.end_to_end.queried import analytics_records, counted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tap_dixa_sandbox.dataset import DataSet
    from tap_dixa_sandbox.server import Sandbox
    from tests.conftest import Run

    Held = dict[str, dict[Any, dict[str, Any]]]
    """The rows of each stream, by key."""


def held_at_states(run: Run, before: Held) -> Iterator[tuple[dict[str, Any], Held]]:
    """Give each STATE of a run, with what a target holds when it reads it.

    Args:
        run: The run. Its BATCH files are still there.
        before: What the target held at its start.
    """
    held = dict(before)
    for message in run.messages:
        if message["type"] == "STATE":
            yield message["value"], dict(held)
        elif rows := rows_of(message):
            stream = message["stream"]
            held[stream] = held.get(stream, {}) | by_key(stream, rows)


def rows_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the records of a RECORD or a BATCH; other messages have none."""
    if message["type"] == "RECORD":
        return [message["record"]]
    files = [Path(url.removeprefix("file://")) for url in message.get("manifest", ())]
    return [record for file in files for record in records_in(file)]


def is_whole(sandbox: Sandbox, stream: str, rows: Collection[dict[str, Any]]) -> None:
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


def all_exported(run: Run, data: DataSet, start: int = 0, end: int = 1 << 62) -> None:
    """A run emitted every record of both exports in a time, each once, in order."""
    for stream in expected.STREAMS:
        checks.emitted_exactly(run, stream, expected.records(data, stream, start, end))

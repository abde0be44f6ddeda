"""The state that a run is given: what this tap wrote, or singer-io's tap before it.

singer-io/tap-dixa keeps ``{"updated_at": 1655856000000}`` (Unix ms; 1.0.0 and later) or
``{"updated_at_datestring": "2022-06-22T00:00:00.000000Z"}`` (before, and left behind by an
upgrade) for a stream where the SDK keeps ``replication_key`` and ``replication_key_value``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tap_dixa import timestamps
from tap_dixa.errors import SettingsError
from tap_dixa.windows import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OURS = {
    "replication_key",
    "replication_key_value",
    "replication_key_signpost",
    "starting_replication_value",
    "progress_markers",
    "partitions",
}
_OLD = "updated_at_datestring"


def read_state(
    state: Mapping[str, Any], cursors: Mapping[str, str | None], log: Callable[..., None]
) -> dict[str, Any]:
    """Check a state, before the SDK takes it apart, and take over what another tap wrote.

    Args:
        state: The value of a STATE message.
        cursors: The replication key of each stream.
        log: Takes a message and its arguments: what a user should know about a state that is
            taken over.

    Returns:
        The state as the SDK reads it. Bookmarks of streams that are not this tap's stay.

    Raises:
        SettingsError: It is no state, or has a bookmark that cannot be used.
    """
    bookmarks = state.get("bookmarks", {})
    if (
        "type" in state
        or not isinstance(bookmarks, dict)
        or not all(isinstance(bookmark, dict) for bookmark in bookmarks.values())
    ):
        raise SettingsError(
            '--state: a state looks like {"bookmarks": {"conversations": {…}}}: '
            "the value of a STATE message, without its type"
        )
    return {
        **state,
        "bookmarks": {
            stream: _read_bookmark(stream, bookmark, cursor, log)
            if (cursor := cursors.get(stream))
            else bookmark
            for stream, bookmark in bookmarks.items()
        },
    }


def _read_bookmark(
    stream: str, bookmark: dict[str, Any], cursor: str, log: Callable[..., None]
) -> dict[str, Any]:
    given = bookmark
    if bookmark.keys().isdisjoint(_OURS) and bookmark:
        bookmark = {"replication_key": cursor, "replication_key_value": _theirs(given, cursor)}
        log("--state: %s goes on where singer-io/tap-dixa stopped: %s", stream, given)
    value, key = bookmark.get("replication_key_value"), bookmark.get("replication_key", cursor)
    problem = None
    if key != cursor:
        problem = f"goes by {key}, and the stream by {cursor}"
    elif not isinstance(bookmark.get("progress_markers", {}), dict):
        problem = "has progress_markers that are none"
    elif value is not None:
        try:
            moment = timestamps.parse(value)
            bookmark = {**bookmark, "replication_key_value": timestamps.to_rfc3339(moment)}
        except (AttributeError, OverflowError, ValueError):
            problem = f"is not a date-time: {value!r}"
        else:
            if moment > time.time_ns() // 1_000_000 + DAY:
                problem = f"lies in the future: {value}. What changes until then would be lost"
    elif given is not bookmark:
        problem = f"is none that this tap knows: {given}"
    if problem:
        raise SettingsError(
            f"--state: the bookmark of {stream} {problem}. Correct it, or leave it out to begin "
            "at start_date"
        )
    return bookmark


def _theirs(bookmark: dict[str, Any], cursor: str) -> Any:
    """Read a bookmark of singer-io's; None if it is none."""
    try:
        if (value := bookmark.get(cursor)) is not None:
            text = isinstance(value, str) and not value.isdecimal()
            return value if text else timestamps.to_rfc3339(int(value))
        if (value := bookmark.get(_OLD)) is not None:
            # Written in local time and called UTC: a machine ahead of it would lose hours.
            return timestamps.to_rfc3339(timestamps.parse(value) - DAY)
    except (AttributeError, OverflowError, TypeError, ValueError):
        return str(value)
    return None

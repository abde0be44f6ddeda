"""The state that a run is given, written by this tap or by singer-io's.

singer-io/tap-dixa keeps ``{"updated_at": 1655856000000}`` (Unix ms; 1.0.0 and later) or
``{"updated_at_datestring": "2022-06-22T00:00:00.000000Z"}`` (before, and left behind by an
upgrade) for a stream where the SDK keeps ``replication_key`` and ``replication_key_value``.
"""

import logging
from collections.abc import Mapping
from functools import reduce
from operator import or_
from time import time_ns
from typing import Any

from tap_dixa import timestamps
from tap_dixa.errors import SettingsError, reason
from tap_dixa.known_faults import REVISION
from tap_dixa.timestamps import DAY

_OURS = {
    "replication_key",
    "replication_key_value",
    "starting_replication_value",
    "progress_markers",
    "partitions",
    "refresh",
    "last_sent",
    "revision",
}
"""What bookmarks of this tap have, each without the others if need be."""
_SINGER_IO_0 = "updated_at_datestring"
_MELTANO = ("completed", "completed_state", "partial", "partial_state")
"""Where Meltano keeps states. A partial one changes what it names of a completed one."""

_NO_STATE = (
    '--state: a state looks like {"bookmarks": {"conversations": {…}}}: '
    "the value of a STATE message, without its type"
)

_log = logging.getLogger("tap-dixa")


def read_state(
    state: Mapping[str, Any], replication_keys: Mapping[str, str | None]
) -> dict[str, Any]:
    """Check a state, or what Meltano makes of one, and convert what another tap wrote.

    Bookmarks of streams that are not this tap's stay. A full-table stream has no replication key.

    Raises:
        SettingsError: It is no state, or has a bookmark that cannot be used.
    """
    state = _unwrap(state)
    read = {}
    for stream, bookmark in state["bookmarks"].items():
        replication_key = replication_keys.get(stream)
        given = {} if bookmark is None else bookmark
        try:
            if given and replication_key and given.keys().isdisjoint(_OURS):
                given = _from_singer_io(stream, given, replication_key)
            read[stream] = _read_bookmark(given, replication_key)
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise SettingsError(
                f"--state: the bookmark of {stream} cannot be used: {reason(error)}. Correct it, "
                "or remove it to start from start_date"
            ) from error
    return {**state, "bookmarks": read}


def _unwrap(state: Any) -> dict[str, Any]:
    """Take a state out of what ``meltano state get`` and Meltano's state backends write."""
    if not isinstance(state, dict):
        raise SettingsError(_NO_STATE)
    if "singer_state" in state:
        return _unwrap(state["singer_state"] or {})
    if kept := [_unwrap(state[name] or {}) for name in _MELTANO if name in state]:
        return {"bookmarks": reduce(or_, (each["bookmarks"] for each in kept))}
    bookmarks = {} if state.get("bookmarks") is None else state["bookmarks"]
    # Of something else that was given, nothing would be used: a sync from start_date, unasked.
    is_state = "bookmarks" in state or state.keys() <= {"currently_syncing"}
    if not is_state or "type" in state or not isinstance(bookmarks, dict):
        raise SettingsError(_NO_STATE)
    return {**state, "bookmarks": bookmarks}


def _from_singer_io(
    stream: str, bookmark: Mapping[str, Any], replication_key: str
) -> dict[str, Any]:
    """Convert a bookmark of singer-io's, or raise ValueError if it is another program's."""
    value = bookmark.get(replication_key)
    if value is None and _SINGER_IO_0 not in bookmark:
        raise ValueError("it has an unknown format")
    if value is None:
        # It is local time labelled as UTC: a machine ahead of UTC would lose hours.
        value = timestamps.parse(bookmark[_SINGER_IO_0]) - DAY
    if not isinstance(value, str) or value.isdecimal():
        value = timestamps.to_rfc3339(int(value))
    _log.info("--state: %s resumes from the bookmark of singer-io/tap-dixa: %s", stream, bookmark)
    return {
        "replication_key": replication_key,
        "replication_key_value": value,
        "revision": REVISION,  # it has none of this tap's faults
    }


def _read_bookmark(bookmark: Mapping[str, Any], replication_key: str | None) -> dict[str, Any]:
    """Check a bookmark, or one partition's, and drop markers of progress.

    What cannot be used raises ValueError, what is no bookmark at all what Python does.
    """
    # The tap emits in order, so it leaves no markers of progress for a state to keep.
    read = {name: value for name, value in bookmark.items() if name != "progress_markers"}
    if partitions := read.pop("partitions", None):
        read["partitions"] = [_read_bookmark(each, replication_key) for each in partitions]
        contexts = [each.get("context") for each in read["partitions"]]
        if any(contexts.count(context) > 1 for context in contexts):
            raise ValueError("it has a partition twice")
    if replication_key is None:
        return read
    if (key := read.get("replication_key", replication_key)) != replication_key:
        raise ValueError(f"its replication key is {key}, but the stream's is {replication_key}")
    if read.get("replication_key_value") is not None:
        read["replication_key_value"] = _time(read["replication_key_value"])
    if "refresh" in read:
        read["refresh"] = {name: _time(value) for name, value in read["refresh"].items()}
        if "conversations" not in read["refresh"]:
            raise ValueError("its refresh has no conversations")
    return read


def _time(value: Any) -> str:
    """Return a point in time as the tap writes it, or raise ValueError if it cannot be one."""
    try:
        time = timestamps.parse(value)
    except (AttributeError, OverflowError, ValueError):
        raise ValueError(f"{value!r} is not a date-time") from None
    if time > time_ns() // 1_000_000 + DAY:
        raise ValueError(f"{value} is in the future: changes until then would be missed")
    return timestamps.to_rfc3339(time)

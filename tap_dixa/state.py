"""The state that a run starts from: written by this tap, or by singer-io's tap before it.

singer-io/tap-dixa keeps ``{"updated_at": 1655856000000}`` (Unix ms; 1.0.0 and later) or
``{"updated_at_datestring": "2022-06-22T00:00:00.000000Z"}`` (before, and left behind by an
upgrade) for a stream where the SDK keeps ``replication_key`` and ``replication_key_value``.
"""

from __future__ import annotations

from time import time_ns
from typing import TYPE_CHECKING, Any

from tap_dixa import timestamps
from tap_dixa.errors import SettingsError
from tap_dixa.timestamps import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SDK_KEYS = {
    "replication_key",
    "replication_key_value",
    "replication_key_signpost",
    "starting_replication_value",
    "progress_markers",
    "context",
    "partitions",
    "refresh",
    "last_sent",
}
_SINGER_IO_0 = "updated_at_datestring"
_MELTANO = ("completed", "completed_state", "partial", "partial_state")
"""Where Meltano keeps states. A partial one changes what it names of a completed one."""

_NO_STATE = (
    '--state: a state looks like {"bookmarks": {"conversations": {…}}}: '
    "the value of a STATE message, without its type"
)


def read_state(
    state: Mapping[str, Any], replication_keys: Mapping[str, str | None], log: Callable[..., None]
) -> dict[str, Any]:
    """Check a state, and convert what another tap wrote.

    Args:
        state: The value of a STATE message, or what Meltano makes of it.
        replication_keys: The replication key of each stream, None for a full-table stream.
        log: Logs a message, from it and its arguments, about each bookmark that is converted.

    Returns:
        The state as the SDK reads it. Bookmarks of streams that are not this tap's stay.

    Raises:
        SettingsError: It is no state, or has a bookmark that cannot be used.
    """
    state = _unwrap(state)
    bookmarks = state.get("bookmarks", {})
    if (
        # Something else was given: to start over from start_date would be a surprise.
        ("bookmarks" not in state and state.keys() - {"currently_syncing"})
        or "type" in state
        or not isinstance(bookmarks, dict)
        or not all(isinstance(bookmark, dict) for bookmark in bookmarks.values())
    ):
        raise SettingsError(_NO_STATE)
    return {
        **state,
        "bookmarks": {
            stream: _read_bookmark(stream, bookmark, replication_keys.get(stream), log)
            for stream, bookmark in bookmarks.items()
        },
    }


def _unwrap(state: Any) -> dict[str, Any]:
    """Take a state out of what ``meltano state get`` and Meltano's state backends write."""
    if not isinstance(state, dict):
        raise SettingsError(_NO_STATE)
    if "bookmarks" in state:
        return state
    if "singer_state" in state:
        return _unwrap(state["singer_state"])
    merged: dict[str, Any] = {}
    parts = [state[name] or {} for name in _MELTANO if name in state]
    for part in parts:
        merged = _merge(merged, _unwrap(part))
    return merged if parts else state


def _merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = {**under, **over}
    for name in under.keys() & over.keys():
        if isinstance(under[name], dict) and isinstance(over[name], dict):
            merged[name] = _merge(under[name], over[name])
    return merged


def _read_bookmark(
    stream: str, bookmark: dict[str, Any], replication_key: str | None, log: Callable[..., None]
) -> dict[str, Any]:
    problem = _problem_for_the_sdk(bookmark)
    if problem is None and replication_key is not None:
        bookmark, problem = _convert(stream, bookmark, replication_key, log)
    if problem is not None:
        raise SettingsError(
            f"--state: the bookmark of {stream} {problem}. Correct it, or remove it to start "
            "from start_date"
        )
    return bookmark


def _problem_for_the_sdk(bookmark: dict[str, Any]) -> str | None:
    """Say what the SDK cannot read in a bookmark, of whichever stream."""
    partitions = bookmark.get("partitions", [])
    if not isinstance(partitions, list) or not all(isinstance(one, dict) for one in partitions):
        return "has partitions that are not a list of objects"
    if not all(
        isinstance(one.get("progress_markers", {}), dict) for one in (bookmark, *partitions)
    ):
        return "has progress_markers that are not an object"
    return None


def _convert(
    stream: str, bookmark: dict[str, Any], replication_key: str, log: Callable[..., None]
) -> tuple[dict[str, Any], str | None]:
    """Return a bookmark as this tap writes it, and what is wrong with it, if anything."""
    given = bookmark
    if bookmark.keys().isdisjoint(_SDK_KEYS) and bookmark:
        bookmark = {
            "replication_key": replication_key,
            "replication_key_value": _singer_io_value(given, replication_key),
        }
        log("--state: %s resumes from the bookmark of singer-io/tap-dixa: %s", stream, given)
    value = bookmark.get("replication_key_value")
    key = bookmark.get("replication_key", replication_key)
    problem = None
    if key != replication_key:
        problem = f"has the replication key {key}, but the stream's is {replication_key}"
    elif bookmark.get("partitions") and not _is_partitions(bookmark["partitions"]):
        problem = "has partitions that are not a list of bookmarks, each with a recordId of its own"
    elif "refresh" in bookmark and not _is_refresh(bookmark["refresh"]):
        problem = "has a refresh that is not an object of date-times"
    elif value is not None:
        try:
            time = timestamps.parse(value)
            bookmark = {**bookmark, "replication_key_value": timestamps.to_rfc3339(time)}
        except (AttributeError, OverflowError, ValueError):
            problem = f"is not a date-time: {value!r}"
        else:
            if time > time_ns() // 1_000_000 + DAY:
                problem = f"is in the future: {value}. Changes until then would be missed"
    elif given is not bookmark:
        problem = f"has an unknown format: {given}"
    if problem is None and bookmark.get("partitions"):
        bookmark = {
            **bookmark,
            "partitions": [
                _read_bookmark(f"{stream} {part['context']}", part, replication_key, log)
                for part in bookmark["partitions"]
            ],
        }
    return bookmark, problem


def _is_partitions(partitions: list[dict[str, Any]]) -> bool:
    """Whether it is what the SDK keeps for a stream of several record types."""
    contexts = [partition.get("context") for partition in partitions]
    return all(
        isinstance(context, dict)
        and context.keys() == {"recordId"}
        and contexts.count(context) == 1
        for context in contexts
    )


def _is_refresh(value: Any) -> bool:
    """Whether it is how far the refresh of `tap_dixa.streams.refresh` is."""
    try:
        times = [timestamps.parse(value[name]) for name in value]
        return {"conversations"} <= value.keys() <= {"conversations", "step", "messages"} and max(
            times
        ) <= time_ns() // 1_000_000 + DAY
    except (AttributeError, OverflowError, TypeError, ValueError):
        return False


def _singer_io_value(bookmark: dict[str, Any], replication_key: str) -> Any:
    """Read the time in a bookmark of singer-io's; None if there is none."""
    try:
        if (value := bookmark.get(replication_key)) is not None:
            text = isinstance(value, str) and not value.isdecimal()
            return value if text else timestamps.to_rfc3339(int(value))
        if (value := bookmark.get(_SINGER_IO_0)) is not None:
            # It is local time labelled as UTC: a machine ahead of UTC would lose hours.
            return timestamps.to_rfc3339(timestamps.parse(value) - DAY)
    except (AttributeError, OverflowError, TypeError, ValueError):
        return str(value)
    return None

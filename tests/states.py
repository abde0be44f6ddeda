"""States that a run may be given: which are taken over, from where, and which are refused."""

from __future__ import annotations

import time

from tests import expected
from tests.conftest import DAY, NOON

BOOKMARK = NOON - 10 * DAY + 1234
"""Unix ms: 2026-03-01T12:00:01.234Z."""


def bookmarks(value, **more):
    """Give a state with the same bookmark for both exports."""
    return of(
        **{
            stream: {"replication_key": cursor, "replication_key_value": value, **more}
            for stream, cursor in expected.CURSORS.items()
        }
    )


def of(**streams):
    """Give a state with the bookmarks of streams."""
    return {"bookmarks": streams}


ISO = expected.iso(BOOKMARK)
MARKERS = {
    "Note": "…",
    "replication_key": "updated_at",
    "replication_key_value": expected.iso(NOON),
}
TAKEN_OVER = {
    "the SDK's own": (bookmarks(ISO), BOOKMARK),
    "an older version's": (bookmarks(ISO[:-5] + "Z"), BOOKMARK // 1000 * 1000),
    "with an offset": (bookmarks("2026-03-01T19:00:01.234+07:00"), BOOKMARK),
    "without an offset": (bookmarks(ISO[:-1]), BOOKMARK),
    "with progress markers": (bookmarks(ISO, progress_markers=MARKERS), BOOKMARK),
    "with a starting value": (bookmarks(ISO, starting_replication_value="2020-01-01"), BOOKMARK),
    "with partitions": (bookmarks(ISO, partitions=[]), BOOKMARK),
    "singer-io 1.x": (
        {
            "currently_syncing": None,
            **of(conversations={"updated_at": BOOKMARK}, messages={"created_at": BOOKMARK}),
        },
        BOOKMARK,
    ),
    "singer-io 1.x, quoted": (
        of(conversations={"updated_at": str(BOOKMARK)}, messages={"created_at": f"{BOOKMARK}"}),
        BOOKMARK,
    ),
    "singer-io, as a text": (
        of(conversations={"updated_at": ISO}, messages={"created_at": ISO}),
        BOOKMARK,
    ),
    "singer-io 0.x": (
        of(
            **{
                stream: {"updated_at_datestring": "2026-03-01T12:00:01.000000Z"}
                for stream in expected.STREAMS
            }
        ),
        BOOKMARK // 1000 * 1000 - DAY,
    ),
    "singer-io 1.x after 0.x": (
        of(
            conversations={"updated_at": BOOKMARK, "updated_at_datestring": "2021-01-01T00:00:00Z"},
            messages={"created_at": BOOKMARK, "updated_at_datestring": "2021-01-01T00:00:00Z"},
        ),
        BOOKMARK,
    ),
}

OLDER = of(conversations=bookmarks(ISO)["bookmarks"]["conversations"])
NEWER = of(messages=bookmarks(ISO)["bookmarks"]["messages"])
TAKEN_OVER |= {
    "meltano state get": ({"singer_state": bookmarks(ISO)}, BOOKMARK),
    "Meltano's file": ({"completed": {"singer_state": bookmarks(ISO)}, "partial": {}}, BOOKMARK),
    "Meltano's file, bare": ({"completed": bookmarks(ISO), "partial": None}, BOOKMARK),
    "Meltano's two": (
        {"completed": {"singer_state": OLDER}, "partial_state": {"singer_state": NEWER}},
        BOOKMARK,
    ),
    "Meltano's two of a stream": (
        {
            "partial_state": {"singer_state": bookmarks(ISO)},
            "completed": {"singer_state": bookmarks("2026-01-01T00:00:00.000Z")},
        },
        BOOKMARK,
    ),
}


REFUSED = {
    "bookmarks an array": {"bookmarks": []},
    "a text": of(messages="2025-01-01"),
    "no date": of(messages={"replication_key_value": "garbage"}),
    "a number": of(messages={"replication_key_value": 1655856000000}),
    "out of range": of(messages={"replication_key_value": "9999-12-31T23:59:59-23:00"}),
    "another key": of(messages={"replication_key": "id", "replication_key_value": ISO}),
    "unknown": of(messages={"cursor": 7}),
    "singer-io's, null": of(messages={"created_at": None}),
    "singer-io's, garbage": of(conversations={"updated_at": "soon"}),
    "singer-io's, an object": of(conversations={"updated_at": {}}),
    "singer-io's, out of range": of(conversations={"updated_at": 10**30}),
    "singer-io's, in the future": of(conversations={"updated_at": 4102444800000}),
    "a refresh that is none": of(messages={"refresh": []}),
    "a refresh without its time": of(messages={"refresh": {"step": ISO}}),
    "a refresh of another kind": of(messages={"refresh": {"conversations": 7}}),
    "a refresh in the future": of(messages={"refresh": {"conversations": "2100-01-01"}}),
    "in the future": bookmarks("2100-01-01T00:00:00Z"),
    "two days ahead": bookmarks(expected.iso(int(time.time() * 1000) + 2 * DAY)),
    "partitions that are none": of(messages={"partitions": "x"}),
    "partitions of texts": of(tags={"partitions": ["x"]}),
    "partitions alone": of(messages={"partitions": [{"context": {}}]}),
    "another stream's text": of(planets="2025-01-01"),
    "bookmarks alone": bookmarks(ISO)["bookmarks"],
    "a message's value": {"value": bookmarks(ISO)},
    "Meltano's, of something else": {"singer_state": [1]},
    "Meltano's, empty within": {"completed": {"singer_state": {"bookmark": {}}}},
    "a whole message": {"type": "STATE", "value": {"bookmarks": {}}},
}

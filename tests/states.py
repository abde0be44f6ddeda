"""States that a run may be given: which are taken over, from where, and which are refused."""

import time

from tests import expected
from tests.conftest import DAY, NOON

BOOKMARK = NOON - 10 * DAY + 1234
"""Unix ms: 2026-03-01T12:00:01.234Z."""


def both(conversations, messages):
    return {"bookmarks": {"conversations": conversations, "messages": messages}}


def bookmarks(value, **more):
    return both(
        {"replication_key": "updated_at", "replication_key_value": value, **more},
        {"replication_key": "created_at", "replication_key_value": value, **more},
    )


def of(stream, bookmark):
    return {"bookmarks": {stream: bookmark}}


ISO = expected.iso(BOOKMARK)
OLD = {"updated_at_datestring": "2026-03-01T12:00:01.000000Z"}
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
    "singer-io 1.x": (
        {"currently_syncing": None, **both({"updated_at": BOOKMARK}, {"created_at": BOOKMARK})},
        BOOKMARK,
    ),
    "quoted, as in moving.md": (
        both({"updated_at": str(BOOKMARK)}, {"created_at": f"{BOOKMARK}"}),
        BOOKMARK,
    ),
    "singer-io, as a text": (both({"updated_at": ISO}, {"created_at": ISO}), BOOKMARK),
    "singer-io 0.x": (both(OLD, OLD), BOOKMARK // 1000 * 1000 - DAY),
    "singer-io 1.x after 0.x": (
        both({"updated_at": BOOKMARK, **OLD}, {"created_at": BOOKMARK, **OLD}),
        BOOKMARK,
    ),
}

OURS = bookmarks(ISO)["bookmarks"]
TAKEN_OVER |= {
    "meltano state get": ({"singer_state": bookmarks(ISO)}, BOOKMARK),
    "Meltano's file": ({"completed": {"singer_state": bookmarks(ISO)}, "partial": {}}, BOOKMARK),
    "Meltano's file, bare": ({"completed": bookmarks(ISO), "partial": None}, BOOKMARK),
    "Meltano's two": (
        {
            "completed": {"singer_state": of("conversations", OURS["conversations"])},
            "partial_state": {"singer_state": of("messages", OURS["messages"])},
        },
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
    "a text": of("messages", "2025-01-01"),
    "no date": of("messages", {"replication_key_value": "garbage"}),
    "out of range": of("messages", {"replication_key_value": "9999-12-31T23:59:59-23:00"}),
    "another key": of("messages", {"replication_key": "id", "replication_key_value": ISO}),
    "unknown": of("messages", {"cursor": 7}),
    "singer-io's, null": of("messages", {"created_at": None}),
    "singer-io's, garbage": of("conversations", {"updated_at": "soon"}),
    "singer-io's, in the future": of("conversations", {"updated_at": 4102444800000}),
    "a refresh that is none": of("messages", {"refresh": []}),
    "a refresh without its time": of("messages", {"refresh": {"step": ISO}}),
    "a refresh in the future": of("messages", {"refresh": {"conversations": "2100-01-01"}}),
    "two days ahead": bookmarks(expected.iso(int(time.time() * 1000) + 2 * DAY)),
    "partitions of texts": of("tags", {"partitions": ["x"]}),
    "a partition twice": of("tags", {"partitions": [{"context": {"recordId": "a"}}] * 2}),
    "bookmarks alone": OURS,
    "a message's value": {"value": bookmarks(ISO)},
    "Meltano's, empty within": {"completed": {"singer_state": {"bookmark": {}}}},
    "a whole message": {"type": "STATE", "value": {"bookmarks": {}}},
}

"""Single messages that are redacted in a sandbox."""

from __future__ import annotations

import pytest
import requests

from tests import expected
from tests.conftest import HOUR, NOON
from tests.events import HANG

LOG = "/v1/conversations/activitylog"


def messages(api):
    return expected.source(api.sandbox.data, "messages")


def with_file(api):
    """Give a message with a text and a file, and when its conversation was updated."""
    message = next(m for m in messages(api).values() if m.get("attached_files") and m["text"])
    return message, expected.source(api.sandbox.data, "conversations")[message["csid"]]


def log(api):
    return {entry["id"]: entry for entry in api.everything(LOG, pageLimit=10_000)}


def test_text_and_files_leave_both_apis_and_the_log_says_so(connect):
    api = connect(conversations=300)
    before, entries = messages(api), log(api)
    message, conversation = with_file(api)
    api.sandbox.data.now.now += HOUR
    still, still_entries = messages(api), log(api)
    api.sandbox.data.now.now += 1000
    api.sandbox.data.redact(message["csid"], message["id"])

    after = messages(api)
    changed = after.pop(message["id"])
    assert (changed.get("text"), changed["attached_files"]) == (None, [])
    erased = {"text", "attached_files"}
    assert {k: v for k, v in changed.items() if k not in erased} == {
        k: v for k, v in before[message["id"]].items() if k not in erased
    }
    still.pop(message["id"])
    assert after == still
    # Whether Dixa changes the conversation is not known; here it does not.
    assert expected.source(api.sandbox.data, "conversations")[message["csid"]] == conversation

    later = log(api)
    (entry,) = (later.pop(key) for key in later.keys() - still_entries.keys())
    assert later == still_entries
    assert entries.items() <= later.items()
    assert entry["_type"] == "ConversationMessageRedacted"
    assert entry["conversationId"] == message["csid"]
    assert entry["activityTimestamp"] == f"{expected.iso(NOON + HOUR + 1000)[:19]}Z[GMT]"
    assert entry["attributes"] == {
        "_type": "MessageRedactedAttribute",
        "messageId": message["id"],
        "wasTextRedacted": True,
        "numberOfDeletedFiles": 1,
    }


def test_the_log_of_a_conversation_is_that_of_the_whole(connect):
    api = connect(conversations=40)
    entries = log(api).values()
    for csid in expected.source(api.sandbox.data, "conversations"):
        mine = {entry["id"]: entry for entry in entries if entry["conversationId"] == csid}
        rows = api.data(f"/v1/conversations/{csid}/activitylog")
        assert {row["id"]: row for row in rows} == mine
    assert api.get("/v1/conversations/1/activitylog").status_code == 404
    assert api.get("/v1/conversations/one/activitylog").status_code == 400


def test_people_can_ask_for_it(connect):
    api = connect(conversations=100)
    message, _ = with_file(api)
    url = f"{api.sandbox.url}/sandbox/redact/{message['csid']}"
    assert requests.post(f"{url}/{message['id']}", timeout=HANG).status_code == 204
    assert messages(api)[message["id"]].get("text") is None
    assert requests.post(f"{url}/x", timeout=HANG).status_code == 404
    with pytest.raises(LookupError):
        api.sandbox.data.redact(1, message["id"])

"""Conversations that are anonymized in a sandbox, and messages that are redacted.

That the tap finds them, its own tests show.
"""

from __future__ import annotations

import pytest
import requests

from tests import expected
from tests.conftest import NOON
from tests.events import HANG

LOG = "/v1/conversations/activitylog"


@pytest.fixture
def api(connect):
    return connect(conversations=300)


def everything(api):
    """Give both exports and the log, by id."""
    exports = [expected.source(api.sandbox.data, stream) for stream in expected.STREAMS]
    return [*exports, api.by_id(LOG, pageLimit=10_000)]


def changed(before, after):
    return {key for key, old in before.items() if after[key] != old}


def test_a_conversation_is_anonymized_everywhere_and_nothing_else_changes(api):
    conversations, messages, log = everything(api)
    csid = next(e["conversationId"] for e in log.values() if e["_type"] == "NoteAdded")
    api.sandbox.data.now.now += 5
    api.sandbox.data.anonymize(csid)
    conversations_after, messages_after, log_after = everything(api)
    assert changed(conversations, conversations_after) == {csid}
    record = conversations_after[csid]
    assert record["anonymized_at"] == record["updated_at"] == NOON + 5
    assert record["requester_name"] == "anonymized"
    assert record.get("requester_email") is record.get("subject") is None
    for name in ("created_at", "requester_id", "assignee_id", "tags", "queue_id", "status"):
        assert record.get(name) == conversations[csid].get(name)
    mine = {key for key, message in messages.items() if message["csid"] == csid}
    assert changed(messages, messages_after) == mine
    assert {messages_after[key]["text"] for key in mine} == {"anonymized"}
    assert log.keys() <= log_after.keys()
    assert {log[key]["conversationId"] for key in changed(log, log_after)} == {csid}
    notes = api.data(f"/v1/conversations/{csid}/notes")
    assert {note["message"] for note in notes} == {"anonymized"}


def test_a_redacted_message_leaves_both_apis_and_the_log_says_so(api):
    conversations, messages, log = everything(api)
    message = next(m for m in messages.values() if m.get("attached_files") and m["text"])
    api.sandbox.data.now.now += 1000
    api.sandbox.data.redact(message["csid"], message["id"])
    conversations_after, messages_after, later = everything(api)
    # Whether Dixa changes the conversation is not known; here it does not.
    assert changed(conversations, conversations_after) == set()
    assert changed(messages, messages_after) == {message["id"]}
    redacted = messages_after[message["id"]]
    assert redacted.get("text") is None
    assert {**redacted, "text": message["text"]} == {**message, "attached_files": []}
    entries = [later[key] for key in later.keys() - log.keys()]
    (entry,) = (e for e in entries if e["_type"] == "ConversationMessageRedacted")
    assert entry["conversationId"] == message["csid"]
    assert entry["activityTimestamp"] == f"{expected.iso(NOON + 1000)[:19]}Z[GMT]"
    assert entry["attributes"] == {
        "_type": "MessageRedactedAttribute",
        "messageId": message["id"],
        "wasTextRedacted": True,
        "numberOfDeletedFiles": 1,
    }


def test_people_can_request_both(api):
    message = next(m for m in everything(api)[1].values() if m.get("text"))
    csid, url = message["csid"], f"{api.sandbox.url}/sandbox"
    paths = (f"redact/{csid}/{message['id']}", f"redact/{csid}/x", "anonymize/1")
    answers = [requests.post(f"{url}/{path}", timeout=HANG).status_code for path in paths]
    assert answers == [204, 404, 404]
    assert everything(api)[1][message["id"]].get("text") is None
    assert requests.post(f"{url}/anonymize/{csid}", timeout=HANG).status_code == 204
    assert everything(api)[0][csid]["anonymized_at"]
    assert requests.get(f"{url}/anonymize/{csid}", timeout=HANG).status_code == 405

"""Conversations that are anonymized in a sandbox, and messages that are redacted.

That the tap finds them, its own tests show.
"""

import pytest
import requests

from tests import expected
from tests.conftest import NOON
from tests.end_to_end.everything import LOG
from tests.events import HANG
from tests.sandbox.conftest import Client


@pytest.fixture
def api(serve):
    return Client(serve(conversations=300))


def everything(api):
    """Give both exports and the log, by id."""
    exports = [expected.source(api.sandbox.data, stream) for stream in expected.STREAMS]
    return [*exports, api.by_id(LOG, pageLimit=10_000)]


def changed(before, after):
    return {key for key, old in before.items() if after[key] != old}


def post(api, path):
    """Request a change, without a token; give the status."""
    return requests.post(f"{api.sandbox.url}/sandbox/{path}", timeout=HANG).status_code


def test_a_conversation_is_anonymized_everywhere_and_nothing_else_changes(api):
    conversations, messages, log = everything(api)
    csid = next(e["conversationId"] for e in log.values() if e["_type"] == "NoteAdded")
    api.sandbox.data.now.now += 5
    assert post(api, f"anonymize/{csid}") == 204
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
    assert post(api, f"redact/{message['csid']}/{message['id']}") == 204
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
    assert post(api, f"redact/{message['csid']}/x") == post(api, "anonymize/1") == 404

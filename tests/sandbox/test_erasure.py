"""Conversations that are anonymized in a sandbox, and messages that are redacted."""

from __future__ import annotations

import pytest
import requests

from tests import expected
from tests.conftest import HOUR, NOON
from tests.events import HANG

LOG = "/v1/conversations/activitylog"


@pytest.fixture
def api(connect):
    return connect(conversations=300)


def exports(api):
    return [expected.source(api.sandbox.data, stream) for stream in expected.STREAMS]


def log(api):
    return api.by_id(LOG, pageLimit=10_000)


def changed(before, after):
    return {key for key, old in before.items() if after[key] != old}


def email(api, *, settled):
    """Give a closed email conversation that will not change any more, or one that will."""
    return next(
        record
        for record in exports(api)[0].values()
        if record["initial_channel"] == "email"
        and record.get("closed_at")
        and not record.get("anonymized_at")
        and settled == (api.sandbox.data.life(record["id"])[0].events[-1] < NOON)
    )


@pytest.mark.parametrize("settled", [True, False])
def test_both_exports_show_that_it_is_anonymized_and_nothing_else_changes(api, settled):
    csid = email(api, settled=settled)["id"]
    api.sandbox.data.now.now += 5
    conversations, messages = exports(api)
    api.sandbox.data.anonymize(csid)
    conversations_after, messages_after = exports(api)
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


def test_it_is_found_by_its_new_time_and_by_its_old_ones(api):
    before = email(api, settled=True)
    csid = before["id"]
    api.sandbox.data.now.now += HOUR
    api.sandbox.data.anonymize(csid)

    def found(name, time):
        query = {f"{name}_after": time, f"{name}_before": time}
        rows = api.get("/v1/conversation_export", **query).json()
        return csid in {record["id"] for record in rows}

    assert found("updated", api.sandbox.data.now())
    assert not found("updated", before["updated_at"])
    for name in ("created", "closed", "last_message_created"):
        assert found(name, before[f"{name}_at"])


def test_the_log_and_the_notes_forget_what_is_personal_and_keep_their_entries(api):
    before, agents = log(api), api.by_id("/v1/agents")
    csid = next(e["conversationId"] for e in before.values() if e["_type"] == "NoteAdded")
    api.sandbox.data.anonymize(csid)
    after = log(api)
    assert after.keys() == before.keys()
    assert {before[key]["conversationId"] for key in changed(before, after)} == {csid}
    authors = [after[key].get("author") or {} for key in changed(before, after)]
    names = {author.get("name") for author in authors if author.get("id") not in agents}
    assert names <= {None, "anonymized"}
    notes = api.data(f"/v1/conversations/{csid}/notes")
    assert {note["message"] for note in notes} == {"anonymized"}


def with_file(api):
    return next(m for m in exports(api)[1].values() if m.get("attached_files") and m["text"])


def test_text_and_files_leave_both_apis_and_the_log_says_so(api):
    message, entries = with_file(api), log(api)
    api.sandbox.data.now.now += 1000
    conversations, messages = exports(api)
    api.sandbox.data.redact(message["csid"], message["id"])
    after, messages_after = exports(api)
    # Whether Dixa changes the conversation is not known; here it does not.
    assert after == conversations
    assert changed(messages, messages_after) == {message["id"]}
    redacted = messages_after[message["id"]]
    assert redacted.get("text") is None
    assert {**redacted, "text": message["text"]} == {**message, "attached_files": []}
    later = log(api)
    (entry,) = (later.pop(key) for key in later.keys() - entries.keys())
    assert later == entries
    assert entry["_type"] == "ConversationMessageRedacted"
    assert entry["conversationId"] == message["csid"]
    assert entry["activityTimestamp"] == f"{expected.iso(NOON + 1000)[:19]}Z[GMT]"
    assert entry["attributes"] == {
        "_type": "MessageRedactedAttribute",
        "messageId": message["id"],
        "wasTextRedacted": True,
        "numberOfDeletedFiles": 1,
    }


def test_people_can_request_both(api):
    message = with_file(api)
    csid, url = message["csid"], f"{api.sandbox.url}/sandbox"
    statuses = [
        requests.post(f"{url}/{path}", timeout=HANG).status_code
        for path in (f"redact/{csid}/{message['id']}", f"redact/{csid}/x", "anonymize/1")
    ]
    assert statuses == [204, 404, 404]
    assert exports(api)[1][message["id"]].get("text") is None
    assert requests.post(f"{url}/anonymize/{csid}", timeout=HANG).status_code == 204
    assert exports(api)[0][csid]["anonymized_at"]
    assert requests.get(f"{url}/anonymize/{csid}", timeout=HANG).status_code == 405
    assert api.sandbox.answered == []

from __future__ import annotations

import pytest
import requests

from tests import expected
from tests.conftest import DAY, HOUR, NOON
from tests.events import HANG

LOG = "/v1/conversations/activitylog"


def exports(api):
    return [expected.source(api.sandbox.data, stream) for stream in expected.STREAMS]


def pick(conversations, *, settled):
    """Give an email conversation that will not change any more, or one that will."""
    return next(
        record["id"]
        for record in conversations.values()
        if record["initial_channel"] == "email"
        and not record.get("anonymized_at")
        and settled == (record["updated_at"] < NOON - 10 * DAY and bool(record.get("closed_at")))
        and (settled or record["updated_at"] > NOON - DAY)
    )


@pytest.mark.parametrize("settled", [True, False])
def test_both_exports_show_it_and_nothing_else_changes(connect, settled):
    api = connect(conversations=300)
    before, messages_before = exports(api)
    csid = pick(before, settled=settled)
    api.sandbox.data.now.now += 5
    still, still_messages = exports(api)
    api.sandbox.data.anonymize(csid)
    after, messages_after = exports(api)

    record = after.pop(csid)
    assert record["anonymized_at"] == record["updated_at"] == NOON + 5
    assert record["requester_name"] == "anonymized"
    assert record.get("requester_email") is record.get("subject") is None
    for name in ("id", "created_at", "requester_id", "assignee_id", "tags", "queue_id", "status"):
        assert record.get(name) == before[csid].get(name)
    still.pop(csid)
    assert after == still

    assert messages_after.keys() == still_messages.keys()
    changed = {key for key, old in still_messages.items() if messages_after[key] != old}
    assert changed == {key for key, old in still_messages.items() if old["csid"] == csid}
    for key in changed & messages_before.keys():
        assert messages_after[key]["text"] == "anonymized"
        assert messages_after[key]["created_at"] == messages_before[key]["created_at"]


def test_it_is_found_by_its_new_time_and_by_its_old_ones(connect):
    api = connect(conversations=300)
    before, _ = exports(api)
    csid = pick(before, settled=True)
    api.sandbox.data.now.now += HOUR
    api.sandbox.data.anonymize(csid)
    old, now = before[csid], api.sandbox.data.now()
    for name, timestamp in (
        ("updated", now),
        ("created", old["created_at"]),
        ("closed", old["closed_at"]),
        ("last_message_created", old["last_message_created_at"]),
    ):
        query = {f"{name}_after": timestamp, f"{name}_before": timestamp}
        found = api.get("/v1/conversation_export", **query).json()
        assert csid in {record["id"] for record in found}
    query = {"updated_after": old["updated_at"], "updated_before": old["updated_at"]}
    found = api.get("/v1/conversation_export", **query).json()
    assert csid not in {record["id"] for record in found}


def test_the_log_and_the_notes_forget_what_is_personal_and_keep_their_entries(connect):
    api = connect(conversations=300)
    before = {entry["id"]: entry for entry in api.everything(LOG, pageLimit=10_000)}
    csid = next(e["conversationId"] for e in before.values() if e["_type"] == "NoteAdded")
    api.sandbox.data.anonymize(csid)
    after = {entry["id"]: entry for entry in api.everything(LOG, pageLimit=10_000)}
    assert after.keys() == before.keys()
    assert {e["conversationId"] for key, e in after.items() if e != before[key]} == {csid}
    agents = {row["id"] for row in api.everything("/v1/agents")}
    for entry in after.values():
        author = entry.get("author")
        if entry["conversationId"] == csid and author and author["id"] not in agents:
            assert author == {"id": author["id"], "name": "anonymized"}
    notes = api.data(f"/v1/conversations/{csid}/notes")
    assert {note["message"] for note in notes} == {"anonymized"}


def test_people_can_ask_for_it(connect):
    api = connect()
    csid = next(iter(exports(api)[0]))
    url = f"{api.sandbox.url}/sandbox/anonymize"
    assert requests.post(f"{url}/{csid}", timeout=HANG).status_code == 204
    assert exports(api)[0][csid]["anonymized_at"]
    assert requests.post(f"{url}/1", timeout=HANG).status_code == 404
    assert requests.get(f"{url}/{csid}", timeout=HANG).status_code == 405
    assert api.sandbox.answered == []

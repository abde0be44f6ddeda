from __future__ import annotations

from collections import defaultdict
from datetime import datetime

import pytest

from tests import expected
from tests.conftest import NOON

LOG = "/v1/conversations/activitylog"


def timestamp(entry):
    text = entry["activityTimestamp"].removesuffix("[GMT]")
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def whole(api, **query):
    return api.everything(LOG, pageLimit=10_000, **query)


def by_conversation(entries):
    found = defaultdict(list)
    for entry in entries:
        found[entry["conversationId"]].append(entry)
    return found


def kinds(entries, *wanted):
    return [entry for entry in entries if entry["_type"] in wanted]


pytestmark = pytest.mark.xdist_group("activity")


@pytest.fixture(scope="module")
def api(shared):
    return shared(conversations=400)


@pytest.fixture(scope="module")
def log(api):
    return whole(api)


def test_the_log_tells_what_the_exports_do(api, log):
    entries = by_conversation(log)
    conversations = expected.source(api.sandbox.data, "conversations")
    assert entries.keys() == conversations.keys()
    for key, record in conversations.items():
        mine = entries[key]
        assert timestamp(mine[-1]) == record["created_at"]
        assert max(map(timestamp, mine)) <= record["updated_at"]
        assigned = kinds(mine, "ConversationAssigned")
        assert [e["attributes"]["agentId"] for e in assigned] == (
            [record["assignee_id"]] if record.get("assignee_id") else []
        )
        assert [timestamp(e) for e in kinds(mine, "ConversationClosed")] == (
            [record["closed_at"]] if record.get("closed_at") else []
        )
        assert [e["attributes"]["score"] for e in kinds(mine, "ConversationRated")] == (
            [record["rating_score"]] if record.get("rating_score") else []
        )
        tags = [entry["attributes"]["tag"] for entry in kinds(mine, "TagAdded")]
        assert sorted(tags) == sorted(record["tags"])


def test_every_message_is_added_once_at_its_time_by_its_author(api, log):
    messages = expected.source(api.sandbox.data, "messages")
    added = kinds(log, "MessageAddedByCustomer", "MessageAddedByAgent")
    assert len(added) == len(messages)
    for entry in added:
        message = messages[entry["attributes"]["messageId"]]
        assert message["csid"] == entry["conversationId"]
        assert message["created_at"] == timestamp(entry)
        assert message["author_name"] == entry["author"]["name"]
        by_customer = entry["_type"] == "MessageAddedByCustomer"
        assert by_customer == (message["direction"] == "inbound")
    automated = [message for message in messages.values() if message["is_automated_message"]]
    replies = kinds(log, "ConversationAutoreplySent")
    assert 0 < len(replies) <= len(automated)


@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled"])
def test_the_order_is_as_configured_over_all_pages(connect, order):
    api = connect(conversations=100, activity_order=order)
    timestamps = [timestamp(entry) for entry in api.everything(LOG, pageLimit=150)]
    assert (timestamps == sorted(timestamps)) == (order == "ascending")
    assert (timestamps == sorted(timestamps, reverse=True)) == (order == "descending")


def second(milliseconds):
    return expected.iso(milliseconds)[:19] + "Z"


def test_from_and_to_can_each_be_given_alone(api, log):
    middle = NOON - 20 * 86_400_000
    later = whole(api, fromDatetime=second(middle))
    earlier = whole(api, toDatetime=second(middle))
    assert later + earlier == log
    assert later
    assert earlier
    within = whole(api, fromDatetime=second(middle), toDatetime=second(middle + 10**8))
    assert within == [entry for entry in later if timestamp(entry) <= middle + 10**8] != []


@pytest.mark.parametrize("name", ["fromDatetime", "toDatetime"])
@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-03-01", "2026-03-01T00:00:00", "2026-03-01T00:00:00.000Z", "1773230400000",
     "2026-3-1T0:0:0Z", "2026-02-30T00:00:00Z", "2026-03-01T00:00:00+00:00"],
)  # fmt: skip
def test_times_that_dixa_refuses(connect, name, text):
    response = connect().get(LOG, **{name: text})
    assert response.status_code == 400
    assert name in response.json()["message"]


def test_notes_are_in_the_log_and_few_conversations_have_any(api, log):
    rows = [
        (key, api.data(f"/v1/conversations/{key}/notes"))
        for key, entries in by_conversation(log).items()
        if kinds(entries, "NoteAdded")
    ]
    assert 20 < len(rows) < 90
    assert {len(notes) for _, notes in rows} == {1, 2}
    agents = {row["id"] for row in api.everything("/v1/agents")}
    for key, notes in rows:
        added = kinds(by_conversation(log)[key], "NoteAdded")[::-1]
        assert [note["csid"] for note in notes] == [key] * len(notes)
        assert [note["createdAt"] + "[GMT]" for note in notes] == [
            entry["activityTimestamp"] for entry in added
        ]
        assert [note["message"] for note in notes] == [e["attributes"]["message"] for e in added]
        assert {note["authorId"] for note in notes} <= agents
    without = next(key for key, e in by_conversation(log).items() if not kinds(e, "NoteAdded"))
    assert api.data(f"/v1/conversations/{without}/notes") == []

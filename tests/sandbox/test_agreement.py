"""What the log and the rows of conversations say of the conversations that are exported.

That ids lead somewhere, the joins in `end_to_end/test_warehouses.py` show.
"""

from collections import defaultdict

import pytest

from tap_dixa_sandbox import presence
from tests import expected
from tests.conftest import DAY, NOON
from tests.end_to_end.everything import LOG

RATED = {"csat": "Csat", "nps": "Nps", "thumbs": "ThumbsUpOrDown"}

pytestmark = pytest.mark.xdist_group("agreement")


@pytest.fixture(scope="module")
def api(shared):
    return shared(conversations=400)


@pytest.fixture(scope="module")
def conversations(api):
    return expected.source(api.sandbox.data, "conversations")


@pytest.fixture(scope="module")
def by_conversation(api):
    found = defaultdict(list)
    for entry in api.everything(LOG, pageLimit=10_000):
        found[entry["conversationId"]].append(entry)
    return found


def timestamp(entry):
    return expected.milliseconds(expected.rfc3339(entry["activityTimestamp"]))


def kinds(entries, wanted):
    return [entry for entry in entries if entry["_type"] == wanted]


def test_the_log_says_what_the_exports_do(conversations, by_conversation):
    assert by_conversation.keys() == conversations.keys()
    for key, record in conversations.items():
        mine = by_conversation[key]
        assert timestamp(mine[-1]) == record["created_at"]
        assert max(map(timestamp, mine)) <= record["updated_at"]
        assigned, rated = kinds(mine, "ConversationAssigned"), kinds(mine, "ConversationRated")
        said = {
            "closed_at": [timestamp(entry) for entry in kinds(mine, "ConversationClosed")],
            "assignee_id": [entry["attributes"]["agentId"] for entry in assigned],
            "rating_score": [entry["attributes"]["score"] for entry in rated],
        }
        for name, values in said.items():
            assert values == ([record[name]] if record.get(name) else [])
        tags = [entry["attributes"]["tag"] for entry in kinds(mine, "TagAdded")]
        assert sorted(tags) == sorted(record["tags"])


def test_notes_are_those_of_the_log_and_ratings_those_of_the_export(
    api, conversations, by_conversation
):
    noted = [key for key, mine in by_conversation.items() if kinds(mine, "NoteAdded")]
    assert 20 < len(noted) < 90
    for csid in {*noted[:30], *list(conversations)[:60]}:
        notes = [row["message"] for row in api.data(f"/v1/conversations/{csid}/notes")]
        added = kinds(by_conversation[csid], "NoteAdded")[::-1]
        assert notes == [entry["attributes"]["message"] for entry in added]
        rows = api.data(f"/v1/conversations/{csid}/ratings")
        for row, rating in zip(rows, conversations[csid].get("ratings", []), strict=True):
            assert row["ratingType"] == RATED[rating["rating_type"]]
            assert row["ratingStatus"].lower() == rating["rating_status"]
            assert row.get("ratingScore") == rating.get("rating_score")


def test_linked_conversations_are_exported_and_have_one_parent(api, conversations):
    listed = {
        csid: api.data(f"/v1/conversations/{csid}/linked") for csid in sorted(conversations)[:200]
    }
    links = [(csid, row) for csid, rows in listed.items() for row in rows]
    children = {row["id"] for _, row in links}
    assert 10 < len(children) == len(links)
    for csid, row in links:
        assert row["link"]["parentId"] == csid
        child = conversations[row["id"]]
        assert row["requesterId"] == child["requester_id"]
        assert row.get("subject") == child.get("subject")
        assert child["created_at"] <= conversations[csid]["updated_at"]
        assert not listed.get(row["id"])


def test_presence_is_that_of_the_intervals(api):
    working = {
        found.agent.id: found.status
        for found in presence.intervals(api.sandbox.data.desk, NOON - DAY, NOON)
        if found.start <= NOON < found.end
    }
    rows = api.get("/v1/agents/presence").json()
    assert {row["userId"] for row in rows} == {a["id"] for a in api.everything("/v1/agents")}
    online = {row["userId"]: row["presenceStatus"] for row in rows if "presenceStatus" in row}
    assert online == working != {}
    for row in rows:
        assert (row["connectionStatus"] == "Online") == (row["userId"] in working)
        assert row["requestTime"] == "2026-03-11T12:00:00"
        assert row.get("lastSeen", "") <= row["requestTime"]

"""What the lists and the log say of the conversations that are exported."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

import pytest

from tests import expected

LOG = "/v1/conversations/activitylog"

pytestmark = pytest.mark.xdist_group("agreement")


@pytest.fixture(scope="module")
def api(shared):
    return shared(conversations=400)


@pytest.fixture(scope="module")
def conversations(api):
    return expected.source(api.sandbox.data, "conversations")


@pytest.fixture(scope="module")
def log(api):
    return api.everything(LOG, pageLimit=10_000)


@pytest.fixture(scope="module")
def by_conversation(log):
    found = defaultdict(list)
    for entry in log:
        found[entry["conversationId"]].append(entry)
    return found


def timestamp(entry):
    text = entry["activityTimestamp"].removesuffix("[GMT]")
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def kinds(entries, *wanted):
    return [entry for entry in entries if entry["_type"] in wanted]


def test_the_log_says_what_the_exports_do(conversations, by_conversation):
    assert by_conversation.keys() == conversations.keys()
    for key, record in conversations.items():
        mine = by_conversation[key]
        assert timestamp(mine[-1]) == record["created_at"]
        assert max(map(timestamp, mine)) <= record["updated_at"]
        said = {
            "closed_at": [timestamp(e) for e in kinds(mine, "ConversationClosed")],
            "assignee_id": [
                e["attributes"]["agentId"] for e in kinds(mine, "ConversationAssigned")
            ],
            "rating_score": [e["attributes"]["score"] for e in kinds(mine, "ConversationRated")],
        }
        for name, values in said.items():
            assert values == ([record[name]] if record.get(name) else [])
        tags = [entry["attributes"]["tag"] for entry in kinds(mine, "TagAdded")]
        assert sorted(tags) == sorted(record["tags"])


def test_every_message_is_added_once_at_its_time_by_its_author(api, log):
    added = kinds(log, "MessageAddedByCustomer", "MessageAddedByAgent")
    messages = expected.source(api.sandbox.data, "messages")
    assert sorted(entry["attributes"]["messageId"] for entry in added) == sorted(messages)
    for entry in added:
        message = messages[entry["attributes"]["messageId"]]
        assert (message["csid"], message["created_at"], message["author_name"]) == (
            *(entry["conversationId"], timestamp(entry), entry["author"]["name"]),
        )


def test_notes_are_in_the_log_and_few_conversations_have_any(api, by_conversation):
    noted = {key: kinds(mine, "NoteAdded")[::-1] for key, mine in by_conversation.items()}
    assert 20 < sum(map(bool, noted.values())) < 90
    for key, added in list(noted.items())[:80]:
        rows = api.data(f"/v1/conversations/{key}/notes")
        assert [(row["csid"], row["createdAt"] + "[GMT]", row["message"]) for row in rows] == [
            (key, entry["activityTimestamp"], entry["attributes"]["message"]) for entry in added
        ]


def test_tags_are_those_of_conversations_and_hide_when_deactivated(api, conversations):
    active, every = api.by_id("/v1/tags"), api.by_id("/v1/tags", includeDeactivated="true")
    assert active == {key: row for key, row in every.items() if row["state"] == "Active"}
    assert len(every) == len(active) + 2
    for tag in (tag for record in conversations.values() for tag in record["tags_info"]):
        assert tag["name"] == every[tag["id"]]["name"]
        assert tag["is_deactivated"] == (every[tag["id"]]["state"] == "Inactive")


def test_ratings_are_those_of_the_export(api, conversations):
    kinds = {"csat": "Csat", "nps": "Nps", "thumbs": "ThumbsUpOrDown"}
    for csid in list(conversations)[:60]:
        rows = api.data(f"/v1/conversations/{csid}/ratings")
        assert len({row["id"] for row in rows}) <= 1
        for row, rating in zip(rows, conversations[csid].get("ratings", []), strict=True):
            assert row["ratingType"] == kinds[rating["rating_type"]]
            assert row["ratingStatus"].lower() == rating["rating_status"]
            assert row.get("ratingScore") == rating.get("rating_score")

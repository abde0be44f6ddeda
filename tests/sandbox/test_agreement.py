"""What the lists, the log and the records say of the conversations that are exported."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

import pytest

from tests import expected
from tests.conftest import DAY, NOON
from tests.end_to_end.queried import analytics, intelligence

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


def test_the_log_of_a_conversation_is_that_of_the_whole(api, by_conversation):
    for csid, entries in list(by_conversation.items())[:40]:
        assert api.data(f"/v1/conversations/{csid}/activitylog") == entries[::-1]


@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled"])
def test_the_order_is_as_configured_over_all_pages(connect, order):
    api = connect(conversations=100, activity_order=order)
    timestamps = [timestamp(entry) for entry in api.everything(LOG, pageLimit=150)]
    assert (timestamps == sorted(timestamps)) == (order == "ascending")
    assert (timestamps == sorted(timestamps, reverse=True)) == (order == "descending")


def test_from_and_to_can_each_be_given_alone(api, log):
    middle = f"{expected.iso(NOON - 20 * DAY)[:19]}Z"
    later, earlier = (
        api.everything(LOG, pageLimit=10_000, **{name: middle})
        for name in ("fromDatetime", "toDatetime")
    )
    assert later + earlier == log
    assert later
    assert earlier


def test_conversations_have_the_names_of_their_agents_queues_and_end_users(api, conversations):
    agents, queues, end_users = map(api.by_id, ("/v1/agents", "/v1/queues", "/v1/endusers"))
    members = {
        queue: {row["agentId"] for row in api.data(f"/v1/queues/{queue}/members")}
        for queue in queues
    }
    for record in conversations.values():
        assert record["queue_name"] == queues[record["queue_id"]]["name"]
        if assignee := record.get("assignee_id"):
            assert assignee in members[record["queue_id"]]
            assert record["assignee_name"] == agents[assignee]["displayName"]
        end_user = end_users[record["requester_id"]]
        assert end_user["createdAt"] < expected.iso(record["created_at"])
        assert record["requester_name"] in {end_user["displayName"], "anonymized"}


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


def test_what_is_closed_in_the_export_is_closed_in_the_records(api, conversations):
    closed = sorted(key for key, record in conversations.items() if record.get("closed_at"))
    rows = [row["fields"] for row in analytics(api.sandbox, "closed_conversations")]
    cells = [{field["name"]: field["field"] for field in fields} for fields in rows]
    assert sorted(row["conversation_id"]["value"] for row in cells) == closed
    cells = intelligence(api.sandbox, "closedConversations")
    assert sorted(row["conversationId"]["value"] for row in cells) == closed


@pytest.mark.parametrize(
    "path", ["/v1/agents", "/v1/endusers", "/v1/teams", "/v1/queues", "/v1/tags"]
)
def test_what_is_removed_is_listed_nowhere(connect, path):
    api = connect()
    rows = api.everything(path)
    api.sandbox.data.directory.remove(rows[1]["id"])
    assert api.everything(path) == [rows[0], *rows[2:]]
    for group, members in (("queues", "members"), ("teams", "agents")):
        for row in api.data(f"/v1/{group}"):
            listed = api.data(f"/v1/{group}/{row['id']}/{members}")
            assert rows[1]["id"] not in {one.get("agentId", one.get("id")) for one in listed}

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime

import pytest

from tap_dixa_sandbox.dataset import DataSet
from tap_dixa_sandbox.filters import Bounds
from tests import expected
from tests.conftest import HOUR, NOON, Clock

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


def test_every_kind_of_entry_occurs_and_names_itself_in_both_ways(log):
    assert {entry["_type"] for entry in log} == {
        "ConversationCreatedByCustomer",
        "ConversationCreatedByAgent",
        "ConversationAssigned",
        "ConversationAutoreplySent",
        "ConversationClosed",
        "ConversationRated",
        "ConversationRatingOffered",
        "MessageAddedByCustomer",
        "MessageAddedByAgent",
        "NoteAdded",
        "TagAdded",
    }
    assert all(entry["activityType"] == f"{entry['_type']}ActivityType" for entry in log)
    assert {entry.keys() - {"author", "attributes"} == {
        "id", "conversationId", "activityTimestamp", "activityType", "_type"
    } for entry in log} == {True}  # fmt: skip
    shapes = {(entry.get("attributes") or {}).get("_type") for entry in log}
    assert len(shapes) == 9
    assert None in shapes


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


def test_authors_are_agents_or_end_users_and_not_everything_has_one(api, log):
    agents = {row["id"] for row in api.everything("/v1/agents")}
    end_users = {row["id"] for row in api.everything("/v1/endusers")}
    authors = {entry["author"]["id"] for entry in log if "author" in entry}
    assert authors & agents
    assert authors & end_users
    assert authors <= agents | end_users
    assert any("author" not in entry for entry in kinds(log, "ConversationClosed"))
    with_phone = ["phoneNumber" in entry["author"] for entry in log if "author" in entry]
    assert {True, False} == set(with_phone)


def test_many_entries_share_a_millisecond(log):
    counts = Counter(entry["activityTimestamp"] for entry in log)
    assert sum(count > 1 for count in counts.values()) > 500


@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled"])
def test_the_order_is_as_configured_over_all_pages(connect, order):
    api = connect(conversations=100, activity_order=order)
    timestamps = [timestamp(entry) for entry in api.everything(LOG, pageLimit=150)]
    assert (timestamps == sorted(timestamps)) == (order == "ascending")
    assert (timestamps == sorted(timestamps, reverse=True)) == (order == "descending")


def test_the_newest_come_first_unless_told_otherwise(log):
    timestamps = [timestamp(entry) for entry in log]
    assert timestamps == sorted(timestamps, reverse=True)


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


@pytest.mark.parametrize(("after", "before"), [(True, False), (False, True)])
def test_bounds_do_as_configured(connect, after, before):
    api = connect(conversations=200, bounds=Bounds(after, before))
    nightly = [m for m in map(timestamp, whole(api)) if m % 86_400_000 == 0]
    start, end = nightly[-1], nightly[0]
    found = whole(api, fromDatetime=second(start), toDatetime=second(end))
    timestamps = {timestamp(entry) for entry in found}
    assert (start in timestamps, end in timestamps) == (after, before)
    assert len(timestamps) > 100


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


def test_an_interval_the_wrong_way_round_is_refused(api):
    query = {"fromDatetime": "2026-03-02T00:00:00Z", "toDatetime": "2026-03-01T00:00:00Z"}
    assert api.get(LOG, **query).status_code == 400


def test_an_empty_interval_is_one_empty_page(api):
    assert api.pages(LOG, fromDatetime="2040-01-01T00:00:00Z") == [[]]


def test_entries_show_as_late_as_the_exports_and_then_stay(connect):
    late = connect(late=6 * HOUR)
    prompt = {entry["id"]: entry for entry in whole(connect())}
    shown = {entry["id"]: entry for entry in whole(late)}
    assert shown.keys() < prompt.keys()
    late.sandbox.data.now.now += 6 * HOUR
    later = {entry["id"]: entry for entry in whole(late)}
    assert prompt.keys() <= later.keys()
    assert shown.items() <= later.items()


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


def test_a_conversation_that_does_not_show_yet_has_no_notes(connect):
    api = connect(late=10**9)
    shown = expected.source(api.sandbox.data, "conversations")
    begun = expected.source(DataSet(300, 40, Clock()), "conversations")
    unseen = next(key for key in begun if key not in shown)
    assert api.get(f"/v1/conversations/{unseen}/notes").status_code == 404

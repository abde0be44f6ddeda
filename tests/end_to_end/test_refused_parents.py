"""Conversations, queues, teams and articles that Dixa refuses to send, while it sends others."""

import copy

import pytest

from tests import expected
from tests.conftest import DAY, both_paths_slowly
from tests.end_to_end import checks
from tests.end_to_end.everything import (
    BY_CONVERSATION,
    CHANNELS,
    ROWS,
    by_key,
    rows,
    rows_by_conversation,
)
from tests.faults import Refusal, page_of

NOTES = "conversation_notes"
STATUSES = [403, 404, pytest.param(422, marks=pytest.mark.slow)]


@pytest.fixture
def account(account_of):
    config = {"parallel_downloads": 1, "emit_activate_version_messages": True}
    return account_of(NOTES, config=config, conversations=40, days=6)


@pytest.fixture
def changes(account):
    """Give the times of all conversations' changes, the oldest first, by id."""
    found = sorted(account.source("conversations"), key=lambda c: c["updated_at"])
    return {c["id"]: c["updated_at"] for c in found}


def refuse(account, stream, conversations, *statuses):
    path = f"/v1/conversations/{{}}/{ROWS[stream]}"
    for number, conversation in enumerate(conversations):
        account.behaviour.forbidden[path.format(conversation)] = statuses[number % len(statuses)]


def skipped(run):
    warnings = checks.warnings(run)
    return [int(line.partition(": csid ")[2].split(" is skipped: ")[0]) for line in warnings]


def assert_complete(account, stream=NOTES, skipped=()):
    """All rows came but those of some conversations, and the bookmark is the newest change."""
    account.behaviour.forbidden.clear()
    found = by_key(stream, [row for run in account.runs for row in run.records(stream)])
    wanted = rows_by_conversation(account.sandbox, stream)
    assert {key: checks.plain(row) for key, row in found.items()} == {
        key: checks.plain(row) for key, row in wanted.items() if row["csid"] not in skipped
    }
    newest = max(conversation["updated_at"] for conversation in account.source("conversations"))
    assert account.runs[-1].bookmark(stream) == expected.iso(newest)


REFUSED = {
    # The first, the last, two in a row, and more in a row than are taken for a lost right.
    "some": (lambda all_: [all_[0], *all_[4:6], *all_[8:20], all_[-1]], (403, 422, 400)),
    "the first": (lambda all_: all_[:35], (403,)),
    "the first, gone": (lambda all_: all_[:35], (404,)),
}


@both_paths_slowly
@pytest.mark.parametrize("stream", BY_CONVERSATION)
@pytest.mark.parametrize(("choose", "statuses"), REFUSED.values(), ids=REFUSED)
def test_they_are_skipped_with_a_warning_and_the_others_come(
    account, changes, choose, statuses, stream, options
):
    refused = choose([*changes])
    refuse(account, stream, refused, *statuses)
    maps = {stream: {"__filter__": "True"}} if options else None
    run = account.synced(stream, stream_maps=maps, window_days=2)
    assert skipped(run) == ([] if statuses == (404,) else refused)
    assert_complete(account, stream, refused)


def test_if_dixa_refuses_all_from_one_on_none_is_skipped(account):
    account.behaviour.api_faults.extend([*[None] * 5, *[Refusal(403)] * 40])
    assert "has no access to this" in account.failure()
    assert "is skipped" not in account.runs[-1].log
    # Ten in a row, one that Dixa has sent before, and perhaps another one that was next.
    assert 40 - len(account.behaviour.api_faults) <= 12
    account.behaviour.api_faults.clear()
    account.synced()
    assert_complete(account)


def test_the_others_are_looked_for_in_older_windows_too(account, changes):
    newest = [csid for csid, time in changes.items() if time >= account.data.start + 6 * DAY]
    assert newest
    refused = [*[*changes][:20], *newest]
    refuse(account, NOTES, refused, 403)
    assert skipped(account.synced(window_days=3)) == refused


def test_a_run_in_which_all_are_refused_goes_by_what_an_earlier_one_read(account, changes):
    read, refused = [*changes][:-5], [*changes][-5:]
    between = expected.iso(changes[refused[0]])
    state = copy.deepcopy(account.synced(end_date=between, lookback_seconds=0).state)
    mark = state["bookmarks"][NOTES]
    assert mark["last_sent"] == read[-1]
    mark["replication_key_value"] = between
    refuse(account, NOTES, refused, 422)
    assert skipped(account.synced(state=state, lookback_seconds=0)) == refused
    assert_complete(account, NOTES, refused)
    del mark["last_sent"]
    refuse(account, NOTES, refused, 422)
    assert "Dixa responded with 422" in account.failure(state=state, lookback_seconds=0)


def test_a_token_without_the_right_costs_few_requests(account_of):
    account = account_of(NOTES, config={"parallel_downloads": 1}, days=6)
    account.behaviour.forbidden["/v1/conversations/"] = 403
    run = account.synced()
    assert run.log.count(f"Skipping stream {NOTES}: ") == 1
    assert "is skipped" not in run.log
    assert run.records(NOTES) == []
    # Ten of the oldest, perhaps another that was next, and fifty of the newest windows.
    assert sum("/notes" in path for path in account.paths) <= 61
    account.behaviour.forbidden.clear()
    account.synced()
    assert_complete(account)


IDS = [f"p{number:02}" for number in range(40)]
LISTED = [{"id": parent} for parent in IDS]
COLLECTION, NAMED = [{"id": "c"}], {"name": "n"}
PARENTS = {
    "queue_members": ([LISTED], "queues/{}/members", [{"agentId": "1"}]),
    "team_members": ([LISTED], "teams/{}/agents", [{"id": "1"}]),
    "business_hours_definitions": (
        [{"schedules": LISTED}],
        "business-hours/schedules/{}/definition",
        {"schedule": NAMED},
    ),
    "knowledge_categories": (
        [COLLECTION, {"categories": LISTED}], "knowledge/categories/{}", NAMED
    ),
    "knowledge_articles": ([COLLECTION, {"articles": LISTED}], "knowledge/articles/{}", NAMED),
}  # fmt: skip
"""By stream: the pages that name its forty parents, where each one's rows are, and such a row."""


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("stream", PARENTS)
def test_however_many_parents_are_refused_first_the_others_come(account, stream, status):
    pages, path, row = PARENTS[stream]
    account.behaviour.api_faults.extend(map(page_of, [*pages, *[row] * 50]))
    refused = [f"/v1/{path.format(parent)}" for parent in IDS[:39]]
    account.behaviour.forbidden |= dict.fromkeys(refused, status)
    run = account.synced(stream)
    name = {"queue_members": "queueId", "team_members": "teamId"}.get(stream, "id")
    assert [record[name] for record in run.records(stream)] == IDS[39:]
    assert run.log.count(" is skipped: ") == (0 if status == 404 else 39)
    assert len(run.of("ACTIVATE_VERSION")) == (status == 404)


@pytest.mark.parametrize("status", STATUSES)
def test_one_channel_that_is_refused_does_not_stop_the_later_ones(account, status):
    stream, refused = "conversation_flows", CHANNELS[2]
    wanted = [row for row in rows(account.sandbox)[stream] if row["channel"] != refused]
    account.behaviour.api_faults.extend([None, None, Refusal(status)])
    run = account.synced(stream)
    (warning,) = checks.warnings(run)
    assert f"conversation_flows: channel {refused} is skipped: " in warning
    assert by_key(stream, run.records(stream)) == by_key(stream, wanted)
    assert run.of("ACTIVATE_VERSION") == []


def test_what_a_refused_collection_holds_is_not_announced_as_deleted(account):
    stream, wanted = "knowledge_articles", rows(account.sandbox)
    collection = wanted["knowledge_collections"][0]["id"]
    account.behaviour.forbidden[f"/v1/knowledge/collections/{collection}/catalog"] = 403
    run = account.synced(stream, "tags")
    assert f" {collection} is skipped: " in run.log
    found, every = (by_key(stream, some) for some in (run.records(stream), wanted[stream]))
    assert set() < found.keys() < every.keys()
    assert [message["stream"] for message in run.of("ACTIVATE_VERSION")] == ["tags"]

"""Conversations, queues, teams and articles that Dixa refuses to send, while it sends others."""

from __future__ import annotations

import copy
import json

import pytest

from tap_dixa.streams.lists import CHANNELS
from tests import expected
from tests.conftest import DAY, both_paths_slowly, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import BY_CONVERSATION, by_key, rows, rows_by_conversation
from tests.faults import Refusal

NOTES = "conversation_notes"
STATUSES = [403, 404, pytest.param(422, marks=pytest.mark.slow)]
ONE_BY_ONE = {"parallel_downloads": 1}


@pytest.fixture
def account(account_of):
    return account_of(NOTES, config=ONE_BY_ONE, conversations=40, days=6)


def changes(account):
    """Give the times of all conversations' changes, the oldest first, by id."""
    found = expected.source(account.data, "conversations").values()
    return {c["id"]: c["updated_at"] for c in sorted(found, key=lambda c: c["updated_at"])}


def refuse(account, stream, conversations, *statuses):
    path = f"/v1/conversations/{{}}/{stream.partition('_')[2]}"
    for number, conversation in enumerate(conversations):
        account.behaviour.forbidden[path.format(conversation)] = statuses[number % len(statuses)]


def skipped(run):
    warnings = checks.warnings(run)
    return [int(line.partition(": csid ")[2].split(" is skipped: ")[0]) for line in warnings]


def assert_complete(account, stream, skipped=()):
    """All rows came but those of some conversations, and the bookmark is the newest change."""
    account.behaviour.forbidden.clear()
    found = by_key(stream, [row for run in account.runs for row in run.records(stream)])
    wanted = rows_by_conversation(account.sandbox, stream)
    assert {key: checks.plain(row) for key, row in found.items()} == {
        key: checks.plain(row) for key, row in wanted.items() if row["csid"] not in skipped
    }
    assert account.runs[-1].bookmark(stream) == expected.iso(max(changes(account).values()))


@both_paths_slowly
@pytest.mark.parametrize("stream", BY_CONVERSATION)
def test_they_are_skipped_with_a_warning_and_the_others_come(account, stream, options):
    changed = [*changes(account)]
    # The first, the last, two in a row, and more in a row than are taken for a lost right.
    refused = [changed[0], *changed[4:6], *changed[8:20], changed[-1]]
    refuse(account, stream, refused, 403, 422, 400)
    maps = {stream: {"__filter__": "True"}} if options else None
    run = checks.succeeded(account.sync(stream, stream_maps=maps))
    assert skipped(run) == refused
    assert_complete(account, stream, refused)


def test_if_dixa_refuses_all_from_one_on_none_is_skipped(account):
    account.behaviour.api_faults.extend([*[None] * 5, *[Refusal(403)] * 40])
    failed = account.sync()
    assert "has no access to this" in checks.failed(failed)
    assert "is skipped" not in failed.log
    # Ten in a row, one that Dixa has sent before, and perhaps another one that was next.
    assert 40 - len(account.behaviour.api_faults) <= 12
    account.behaviour.api_faults.clear()
    checks.succeeded(account.sync())
    assert_complete(account, NOTES)


@pytest.mark.parametrize("stream", BY_CONVERSATION)
@pytest.mark.parametrize("status", STATUSES)
def test_however_many_are_refused_first_the_others_come(account, stream, status):
    refused = [*changes(account)][:35]
    refuse(account, stream, refused, status)
    run = checks.succeeded(account.sync(stream, window_days=2))
    assert skipped(run) == ([] if status == 404 else refused)
    assert_complete(account, stream, refused)


def test_the_others_are_looked_for_in_older_windows_too(account):
    times = changes(account)
    newest = [csid for csid, time in times.items() if time >= account.data.start + 6 * DAY]
    assert newest
    refused = [*[*times][:20], *newest]
    refuse(account, NOTES, refused, 403)
    run = checks.succeeded(account.sync(window_days=3))
    assert skipped(run) == refused


def test_a_run_in_which_all_are_refused_goes_by_what_an_earlier_one_read(account):
    times = changes(account)
    read, refused = [*times][:-5], [*times][-5:]
    between = expected.iso(times[refused[0]])
    first = checks.succeeded(account.sync(end_date=between, lookback_seconds=0))
    assert first.state["bookmarks"][NOTES]["last_sent"] == read[-1]
    refuse(account, NOTES, refused, 422)
    state = copy.deepcopy(first.state)
    state["bookmarks"][NOTES]["replication_key_value"] = between
    second = checks.succeeded(account.sync(state=state, lookback_seconds=0))
    assert skipped(second) == refused
    assert_complete(account, NOTES, refused)
    del state["bookmarks"][NOTES]["last_sent"]
    refuse(account, NOTES, refused, 422)
    failed = account.sync(state=state, lookback_seconds=0)
    assert "Dixa responded with 422" in checks.failed(failed)


def test_a_token_without_the_right_costs_few_requests(account_of):
    account = account_of(NOTES, config=ONE_BY_ONE, conversations=100, days=6)
    refuse(account, NOTES, changes(account), 403)
    run = checks.succeeded(account.sync())
    assert run.log.count(f"Skipping stream {NOTES}: ") == 1
    assert "is skipped" not in run.log
    assert run.records(NOTES) == []
    # Ten of the oldest, perhaps another that was next, and fifty of the newest windows.
    assert sum("/notes" in path for path in account.paths) <= 61
    account.behaviour.forbidden.clear()
    checks.succeeded(account.sync())
    assert_complete(account, NOTES)


IDS = [f"p{number:02}" for number in range(40)]
LISTED = json.dumps([{"id": parent} for parent in IDS])
COLLECTION = '{"data": [{"id": "c"}]}'
NAMED = '{"data": {"name": "n"}}'
PARENTS = {
    "queue_members": (
        [f'{{"data": {LISTED}}}'],
        "queues/{}/members",
        '{"data": [{"agentId": "1"}]}',
    ),
    "team_members": ([f'{{"data": {LISTED}}}'], "teams/{}/agents", '{"data": [{"id": "1"}]}'),
    "business_hours_definitions": (
        [f'{{"data": {{"schedules": {LISTED}}}}}'],
        "business-hours/schedules/{}/definition",
        '{"data": {"schedule": {"name": "n"}}}',
    ),
    "knowledge_categories": (
        [COLLECTION, f'{{"data": {{"categories": {LISTED}}}}}'],
        "knowledge/categories/{}",
        NAMED,
    ),
    "knowledge_articles": (
        [COLLECTION, f'{{"data": {{"articles": {LISTED}}}}}'],
        "knowledge/articles/{}",
        NAMED,
    ),
}
"""By stream: the pages that name its forty parents, where each one's rows are, and such a row."""


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("stream", PARENTS)
def test_however_many_parents_are_refused_first_the_others_come(account_of, stream, status):
    pages, path, row = PARENTS[stream]
    config = {"emit_activate_version_messages": True}
    account = account_of(stream, config=config, conversations=4, days=4)
    account.behaviour.api_faults.extend(Refusal(200, body=body) for body in [*pages, *[row] * 50])
    for parent in IDS[:39]:
        account.behaviour.forbidden[f"/v1/{path.format(parent)}"] = status
    run = checks.succeeded(account.sync())
    name = {"queue_members": "queueId", "team_members": "teamId"}.get(stream, "id")
    assert [record[name] for record in run.records(stream)] == IDS[39:]
    assert run.log.count(" is skipped: ") == (0 if status == 404 else 39)
    assert len(run.of("ACTIVATE_VERSION")) == (status == 404)


@pytest.mark.parametrize("status", STATUSES)
def test_one_channel_that_is_refused_does_not_stop_the_later_ones(serve, run_tap, status):
    sandbox, stream = serve(), "conversation_flows"
    wanted = [row for row in rows(sandbox)[stream] if row["channel"] != CHANNELS[2]]
    sandbox.behaviour.api_faults.extend([None, None, Refusal(status)])
    config = settings(sandbox, emit_activate_version_messages=True, parallel_downloads=1)
    run = checks.succeeded(run_tap(config, catalog=catalog(stream)))
    (warning,) = checks.warnings(run)
    assert f"conversation_flows: channel {CHANNELS[2]} is skipped: " in warning
    assert by_key(stream, run.records(stream)) == by_key(stream, wanted)
    assert run.of("ACTIVATE_VERSION") == []


def test_what_a_refused_collection_holds_is_not_announced_as_deleted(serve, run_tap):
    sandbox, stream = serve(), "knowledge_articles"
    wanted = rows(sandbox)
    collection = wanted["knowledge_collections"][0]["id"]
    sandbox.behaviour.forbidden[f"/v1/knowledge/collections/{collection}/catalog"] = 403
    config = settings(sandbox, emit_activate_version_messages=True)
    run = checks.succeeded(run_tap(config, catalog=catalog(stream, "tags")))
    assert f" {collection} is skipped: " in run.log
    found, every = (by_key(stream, some) for some in (run.records(stream), wanted[stream]))
    assert set() < found.keys() < every.keys()
    assert [message["stream"] for message in run.of("ACTIVATE_VERSION")] == ["tags"]

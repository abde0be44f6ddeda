"""Conversations, queues, teams and articles that Dixa refuses to send, while it sends others."""

from __future__ import annotations

import copy
import json

import pytest

from tap_dixa.streams.configuration import CHANNELS
from tap_dixa_sandbox.faults import Refusal
from tests import expected
from tests.conftest import DAY, EXPORTS, both_paths_slowly, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import BY_CONVERSATION, by_key, key, rows, rows_by_conversation

NOTES = "conversation_notes"
STATUSES = [403, 404, *(pytest.param(status, marks=pytest.mark.slow) for status in (410, 422))]


@pytest.fixture
def account_of(serve, run_tap):
    """Give an account, its conversations in the order of their changes, and a way to sync."""

    def make(conversations):
        sandbox = serve(conversations=conversations, days=6)
        changed = sorted(
            expected.source(sandbox.data, "conversations").values(), key=lambda c: c["updated_at"]
        )

        def sync(stream, state=None, **changes):
            config = settings(sandbox, parallel_downloads=1, **changes)
            return run_tap(config, state=state, catalog=catalog(stream))

        return sandbox, [c["id"] for c in changed], sync

    return make


@pytest.fixture
def account(account_of):
    return account_of(40)


def refuse(sandbox, stream, conversations, *statuses):
    path = f"/v1/conversations/{{}}/{stream.partition('_')[2]}"
    for place, conversation in enumerate(conversations):
        sandbox.behaviour.forbidden[path.format(conversation)] = statuses[place % len(statuses)]


def skipped(run):
    warnings = checks.warnings(run)
    return [int(line.partition(": csid ")[2].split(" is skipped: ")[0]) for line in warnings]


def assert_complete(sandbox, stream, runs, skipped=()):
    """All rows came but those of some conversations, and the bookmark is the newest change."""
    sandbox.behaviour.forbidden.clear()
    found = {key(stream, row): checks.plain(row) for run in runs for row in run.records(stream)}
    wanted = rows_by_conversation(sandbox, stream)
    assert found == {
        one: checks.plain(row) for one, row in wanted.items() if row["csid"] not in skipped
    }
    changes = expected.source(sandbox.data, "conversations").values()
    assert runs[-1].bookmark(stream) == expected.iso(max(c["updated_at"] for c in changes))


@both_paths_slowly
@pytest.mark.parametrize("stream", BY_CONVERSATION)
def test_they_are_skipped_with_a_warning_and_the_others_come(account, stream, options):
    sandbox, changed, sync = account
    # The first, the last, two in a row, and more in a row than are taken for a lost right.
    refused = [changed[0], *changed[4:6], *changed[8:20], changed[-1]]
    refuse(sandbox, stream, refused, 403, 422, 400)
    maps = {stream: {"__filter__": "True"}} if options else None
    run = checks.succeeded(sync(stream, stream_maps=maps))
    assert skipped(run) == refused
    assert_complete(sandbox, stream, [run], refused)


def test_if_dixa_refuses_all_from_one_on_none_is_skipped(account):
    sandbox, _, sync = account
    sandbox.behaviour.api_faults.extend([*[None] * 5, *[Refusal(403)] * 40])
    failed = sync(NOTES)
    assert "has no access to this" in checks.failed(failed)
    assert "is skipped" not in failed.log
    # Ten in a row, one that Dixa has sent before, and perhaps another one that was next.
    assert 40 - len(sandbox.behaviour.api_faults) <= 12
    sandbox.behaviour.api_faults.clear()
    resumed = checks.succeeded(sync(NOTES, failed.state))
    assert_complete(sandbox, NOTES, [failed, resumed])


@both_paths_slowly
@pytest.mark.parametrize("stream", BY_CONVERSATION)
@pytest.mark.parametrize("status", STATUSES)
def test_however_many_are_refused_first_the_others_come(account, stream, status, options):
    sandbox, changed, sync = account
    refuse(sandbox, stream, changed[:35], status)
    run = checks.succeeded(sync(stream, window_days=2, **options))
    assert skipped(run) == ([] if status == 404 else changed[:35])
    assert_complete(sandbox, stream, [run], changed[:35])


def test_the_others_are_looked_for_in_older_windows_too(account):
    sandbox, changed, sync = account
    times = {c["id"]: c["updated_at"] for c in expected.source(sandbox.data, EXPORTS[0]).values()}
    newest = [c for c in changed if times[c] >= sandbox.data.start + 6 * DAY]
    assert newest
    refused = [*changed[:20], *newest]
    refuse(sandbox, NOTES, refused, 403)
    run = checks.succeeded(sync(NOTES, window_days=3))
    assert skipped(run) == refused


def test_a_run_in_which_all_are_refused_goes_by_what_an_earlier_one_read(account):
    sandbox, changed, sync = account
    read, refused = changed[:-5], changed[-5:]
    times = {c["id"]: c["updated_at"] for c in expected.source(sandbox.data, EXPORTS[0]).values()}
    between = expected.iso(times[refused[0]])
    first = checks.succeeded(sync(NOTES, end_date=between, lookback_seconds=0))
    assert first.state["bookmarks"][NOTES]["last_sent"] == read[-1]
    refuse(sandbox, NOTES, refused, 422)
    state = copy.deepcopy(first.state)
    state["bookmarks"][NOTES]["replication_key_value"] = between
    second = checks.succeeded(sync(NOTES, state, lookback_seconds=0))
    assert skipped(second) == refused
    assert_complete(sandbox, NOTES, [first, second], refused)
    del state["bookmarks"][NOTES]["last_sent"]
    refuse(sandbox, NOTES, refused, 422)
    assert "Dixa responded with 422" in checks.failed(sync(NOTES, state, lookback_seconds=0))


def test_a_token_without_the_right_costs_few_requests(account_of):
    sandbox, changed, sync = account_of(150)
    refuse(sandbox, NOTES, changed, 403)
    run = checks.succeeded(sync(NOTES))
    assert run.log.count(f"Skipping stream {NOTES}: ") == 1
    assert "is skipped" not in run.log
    assert run.records(NOTES) == []
    # Ten of the oldest, perhaps another that was next, and fifty of the newest windows.
    assert sum("/notes" in path for path, _, _ in sandbox.answered) <= 61
    sandbox.behaviour.forbidden.clear()
    again = checks.succeeded(sync(NOTES, run.state))
    assert_complete(sandbox, NOTES, [run, again])


IDS = [f"p{number:02}" for number in range(40)]
LISTED = json.dumps([{"id": parent} for parent in IDS])
PARENTS = {
    "queue_members": ([f'{{"data": {LISTED}}}'], "queues/{}/members", "agentId"),
    "team_members": ([f'{{"data": {LISTED}}}'], "teams/{}/agents", "id"),
    "business_hours_definitions": (
        [f'{{"data": {{"schedules": {LISTED}}}}}'],
        "business-hours/schedules/{}/definition",
        None,
    ),
    "knowledge_categories": (
        ['{"data": [{"id": "c"}]}', f'{{"data": {{"categories": {LISTED}}}}}'],
        "knowledge/categories/{}",
        None,
    ),
    "knowledge_articles": (
        ['{"data": [{"id": "c"}]}', f'{{"data": {{"articles": {LISTED}}}}}'],
        "knowledge/articles/{}",
        None,
    ),
}
"""By stream: the pages that name its forty parents, where each one's rows are, and their key."""


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("stream", PARENTS)
def test_however_many_parents_are_refused_first_the_others_come(serve, run_tap, stream, status):
    pages, path, key = PARENTS[stream]
    for refused in (12, 39):
        sandbox = serve(conversations=4, days=4)
        row = '{"name": "n"}' if key is None else f'[{{"{key}": "1"}}]'
        row = f'{{"schedule": {row}}}' if "business" in stream else row
        bodies = [*pages, *[f'{{"data": {row}}}'] * 50]
        sandbox.behaviour.api_faults.extend(Refusal(200, body=body) for body in bodies)
        for parent in IDS[:refused]:
            sandbox.behaviour.forbidden[f"/v1/{path.format(parent)}"] = status
        config = settings(sandbox, emit_activate_version_messages=True)
        run = checks.succeeded(run_tap(config, catalog=catalog(stream)))
        name = {"queue_members": "queueId", "team_members": "teamId"}.get(stream, "id")
        assert [record[name] for record in run.records(stream)] == IDS[refused:]
        assert run.log.count(" is skipped: ") == (0 if status == 404 else refused)
        assert len(run.of("ACTIVATE_VERSION")) == (status == 404)


def test_one_channel_that_is_refused_does_not_stop_the_later_ones(serve, run_tap):
    for status in (403, 404, 410, 422):
        sandbox = serve()
        wanted = rows(sandbox)["conversation_flows"]
        channel = CHANNELS[2]
        sandbox.behaviour.api_faults.extend([None, None, Refusal(status)])
        config = settings(sandbox, emit_activate_version_messages=True, parallel_downloads=1)
        run = checks.succeeded(run_tap(config, catalog=catalog("conversation_flows")))
        (warning,) = checks.warnings(run)
        assert f"conversation_flows: channel {channel} is skipped: " in warning
        others = [row for row in wanted if row["channel"] != channel]
        assert by_key("conversation_flows", run.records("conversation_flows")) == by_key(
            "conversation_flows", others
        )
        assert run.of("ACTIVATE_VERSION") == []


@pytest.mark.parametrize(
    "refused", ["knowledge/articles/{id}", "knowledge/collections/{id}/catalog"]
)
def test_rows_of_other_parents_come_and_none_is_announced_as_deleted(serve, run_tap, refused):
    sandbox = serve()
    wanted = rows(sandbox)
    parents = {
        "queue_members": ("queues/{id}/members", wanted["queues"][1]["id"]),
        "team_members": ("teams/{id}/agents", wanted["teams"][0]["id"]),
        "knowledge_articles": (refused, wanted[f"knowledge_{refused.split('/')[1]}"][0]["id"]),
    }
    for path, parent in parents.values():
        sandbox.behaviour.forbidden[f"/v1/{path.format(id=parent)}"] = 403
    config = settings(sandbox, emit_activate_version_messages=True)
    run = checks.succeeded(run_tap(config, catalog=catalog(*parents, "tags")))
    for stream, (_, parent) in parents.items():
        assert any(f" {parent} is skipped: " in line for line in run.log.splitlines())
        found = {key(stream, row) for row in run.records(stream)}
        every = {key(stream, row) for row in wanted[stream]}
        assert set() < found < every
        assert {one for one in every - found if parent in one} or "catalog" in refused
        assert run.of("ACTIVATE_VERSION", stream) == []
    assert len(run.of("ACTIVATE_VERSION", "tags")) == 1

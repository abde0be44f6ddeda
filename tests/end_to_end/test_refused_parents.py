"""Conversations, queues, teams and articles that Dixa refuses to send, while it sends others."""

from __future__ import annotations

import pytest

from tap_dixa.sandbox.faults import Refusal
from tests import expected
from tests.conftest import both_paths_slowly, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import BY_CONVERSATION, key, rows, rows_by_conversation

NOTES = "conversation_notes"


@pytest.fixture
def account(serve, run_tap):
    """Give an account, its conversations in the order of their changes, and a way to sync."""
    sandbox = serve(conversations=40, days=6)
    changed = sorted(
        expected.source(sandbox.data, "conversations").values(), key=lambda c: c["updated_at"]
    )

    def sync(stream, state=None, **changes):
        config = settings(sandbox, parallel_downloads=1, **changes)
        return run_tap(config, state=state, catalog=catalog(stream))

    return sandbox, [c["id"] for c in changed], sync


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


def test_a_token_without_the_right_costs_few_requests(account):
    sandbox, changed, sync = account
    refuse(sandbox, NOTES, changed, 403)
    run = checks.succeeded(sync(NOTES))
    assert run.log.count(f"Skipping stream {NOTES}: ") == 1
    assert "is skipped" not in run.log
    assert run.records(NOTES) == []
    assert sum("/notes" in path for path, _, _ in sandbox.answered) <= 11
    sandbox.behaviour.forbidden.clear()
    again = checks.succeeded(sync(NOTES, run.state))
    assert_complete(sandbox, NOTES, [run, again])


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

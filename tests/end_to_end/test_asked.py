"""Runs that ask for some conversations alone, as for those that a warehouse lacks."""

import json

import pytest

from tests import expected
from tests.conftest import DAY, EXPORTS, NOON, both_paths
from tests.end_to_end import checks
from tests.faults import Refusal

NOBODY = 10**9
"""The id of no conversation."""


@pytest.fixture
def account(account_of):
    return account_of(*EXPORTS, "tags", conversations=300, days=60)


def spread(account, count):
    """Give the ids of some conversations, the newest and the oldest among them."""
    ids = sorted(conversation["id"] for conversation in account.source("conversations"))
    return [ids[-1], *ids[: -1 : len(ids) // (count - 1)][: count - 1]]


def came(account, ids):
    """The last run emitted these conversations and their messages, each once, and nothing else."""
    run = account.runs[-1]
    for stream, field in (("conversations", "id"), ("messages", "csid")):
        wanted = {key: r for key, r in account.known(stream).items() if r[field] in ids}
        assert len(run.records(stream)) == len(wanted) > 0
        checks.same(run.records(stream), wanted)
    assert {message["stream"] for message in run.of("SCHEMA")} == {*EXPORTS}
    assert not run.of("ACTIVATE_VERSION")
    assert not run.of("STATE")


@both_paths
def test_they_and_their_messages_come_and_no_bookmark_moves(account, options):
    account.synced()
    account.wait(2 * DAY)
    ids = spread(account, 3)
    asked = [ids[0], NOBODY, *ids[1:], ids[0]]
    deletes = {"emit_activate_version_messages": True}
    run = account.synced(conversation_ids=asked, **deletes, **options)
    came(account, ids)
    assert f"Dixa sent 3 of the 4 conversations in conversation_ids: {ids}" in run.log
    (warning,) = checks.warnings(run)
    assert "Next run" not in run.log
    assert f"Dixa does not have 1 of the 4 conversations in conversation_ids: [{NOBODY}]" in warning
    # One request for the conversations, and two for messages: two lie within 31 days.
    assert len(account.answered) == 3


def test_one_stream_alone_and_what_was_before_start_date(account):
    ids = spread(account, 4)
    start = expected.iso(NOON - DAY)
    for stream in EXPORTS:
        run = account.synced(stream, state={}, conversation_ids=ids, start_date=start)
        field = "id" if stream == "conversations" else "csid"
        wanted = {key: r for key, r in account.known(stream).items() if r[field] in ids}
        checks.same(run.records(stream), wanted)
        assert not run.of("STATE")
        assert f"Dixa sent 4 of the 4 conversations in conversation_ids: {ids}" in run.log
        (warning,) = checks.warnings(run)
        older = [n for n in ids if account.known("conversations")[n]["created_at"] < start]
        assert f"{len(older)} conversations are from before start_date" in warning
        assert f"again: {older}" in warning
    assert not checks.succeeded(account.sync("tags", conversation_ids=ids)).of("RECORD")


def sizes(account):
    """Give how many ids each of the last run's requests has."""
    found = (query["csids"] for _, query, _ in account.answered if "csids" in query)
    return [len(text.split(",")) for text in found]


def test_as_many_are_asked_for_at_once_as_dixa_accepts(account):
    ids = [conversation["id"] for conversation in account.source("conversations")][:230]
    account.synced(conversation_ids=ids)
    came(account, ids)
    assert sizes(account) == [100, 100, 30]
    account.behaviour.faults.extend([Refusal(414), None, Refusal(429), Refusal(400)])
    account.synced(conversation_ids=ids[:130])
    came(account, ids[:130])
    assert sizes(account) == [100, 50, 50, 50, 25, 25, 25, 5]


def test_what_dixa_refuses_fails_the_run_with_one_line(account):
    ids = spread(account, 2)
    account.behaviour.faults.extend([Refusal(400)] * 4)
    assert "all 2 streams failed" in account.failure(*EXPORTS, conversation_ids=ids)
    assert sizes(account) == [2, 1, 2, 1]
    account.behaviour.faults.extend([Refusal(403)] * 2)
    assert "has no access to this" in account.failure(conversation_ids=ids)
    assert sizes(account) == [2, 2]
    account.synced(conversation_ids=ids)
    came(account, ids)


def test_whatever_dixa_sends_only_what_is_asked_for_is_emitted(account):
    one, other, third = spread(account, 3)
    by_id = {conversation["id"]: conversation for conversation in account.source("conversations")}
    # Of the other one, it is not known when its messages were created.
    both = [by_id[one], {**by_id[other], "created_at": None}, by_id[third]]
    account.behaviour.faults.append(Refusal(200, body=json.dumps(both)))
    run = account.synced("messages", conversation_ids=[one, other])
    wanted = {key: r for key, r in account.known("messages").items() if r["csid"] in {one, other}}
    checks.same(run.records("messages"), wanted)
    (warning,) = checks.warnings(run)
    assert f"when the messages of 1 conversations (such as {other}) were created" in warning
    account.behaviour.faults.append(Refusal(200, body=json.dumps(both)))
    run = account.synced("conversations", conversation_ids=[one, other])
    assert {record["id"] for record in run.records("conversations")} == {one, other}

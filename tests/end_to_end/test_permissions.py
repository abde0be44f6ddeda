"""What the token may not read, and a token that Dixa stops to accept."""

import pytest

from tests.end_to_end import checks
from tests.end_to_end.everything import ALL
from tests.faults import Refusal

ENDED = [Refusal(401)] * 30


@pytest.fixture
def account(account_of):
    config = {"emit_activate_version_messages": True}
    return account_of(*ALL, config=config, conversations=40, days=6)


def test_a_stream_that_the_token_may_not_read_is_skipped(account):
    rights = {"/v1/agents": 403, "/v1/queues": 401, "/v1/knowledge/collections/": 403}
    denied = ("conversations", "agents", "queues", "queue_members", "knowledge_articles")
    granted = ("teams", "tags", "knowledge_collections", "business_hours_definitions")
    account.behaviour.forbidden.update(rights)
    account.behaviour.faults.append(Refusal(403))
    run = account.synced("messages", *denied, *granted)
    account.has_all("messages")
    assert len(checks.warnings(run)) == len(denied)
    for stream in denied:
        assert run.records(stream) == run.of("ACTIVATE_VERSION", stream) == []
        assert run.log.count(f"Skipping stream {stream}: ") == 1
    for stream in granted:
        assert run.records(stream)
        assert len(run.of("ACTIVATE_VERSION", stream)) == 1


def test_a_token_that_may_read_nothing_is_one_line(account):
    line = account.failure(api_token="wr0ngt0ken")  # noqa: S106
    assert "Settings, Integrations, API Tokens" in line
    assert "WARNING" not in account.runs[-1].log
    assert account.runs[-1].of("RECORD") == []


@pytest.mark.parametrize(
    ("stream", "before"),
    [("queue_members", 2), ("conversation_notes", 2), ("knowledge_articles", 6)],
)
def test_a_right_that_ends_half_way_ends_the_run(account, stream, before):
    account.behaviour.api_faults.extend([*[None] * before, *[Refusal(403)] * 20])
    assert "has no access to this" in account.failure(stream)


@pytest.mark.parametrize(
    ("streams", "exports", "others"),
    [
        (("conversations", "messages"), 1, 0),
        (("conversations", "agents"), 1, 0),
        (("queue_members",), 0, 1),
        (("conversation_flows",), 0, 2),
        (("knowledge_articles",), 0, 3),
        (("conversation_notes",), 1, 8),
        (("conversations", "analytics_records"), 1, 0),
        (("teams", "activity_logs"), 0, 1),
    ],
)
def test_a_token_that_is_no_longer_accepted_fails_what_is_left(account, streams, exports, others):
    account.behaviour.faults.extend([*[None] * exports, *ENDED])
    account.behaviour.api_faults.extend([*[None] * others, *ENDED])
    line = account.failure(*streams)
    assert "no longer accepts api_token, which it accepted earlier" in line
    assert "Skipping stream" not in account.runs[-1].log
    assert "is skipped" not in account.runs[-1].log


@pytest.mark.parametrize(
    ("refused", "readable", "skipped"),
    [("faults", "agents", 1), ("api_faults", "conversations", 2)],
)
def test_a_token_for_one_api_alone_is_no_failure(account, refused, readable, skipped):
    getattr(account.behaviour, refused).extend(ENDED)
    run = account.synced("conversations", "agents", "tags")
    assert run.records(readable)
    assert run.log.count("Skipping stream") == skipped

"""Conversations that are anonymized between two runs."""

from __future__ import annotations

from tests import expected
from tests.conftest import HOUR


def some(sandbox, count):
    """Choose conversations of different days that are closed and not anonymized."""
    found = [
        c
        for c in expected.source(sandbox.data, "conversations").values()
        if c.get("closed_at") and not c.get("anonymized_at")
    ]
    return sorted(found, key=lambda c: c["created_at"])[3 :: len(found) // count][:count]


def anonymize(sandbox):
    sandbox.data.now.now += HOUR // 2
    chosen = {conversation["id"] for conversation in some(sandbox, 3)}
    for number in chosen:
        sandbox.data.anonymize(number)
    sandbox.data.now.now += HOUR // 2
    return chosen


def erase_and_delete(sandbox):
    """Anonymize conversations, and delete an agent, a tag and a queue's member."""
    chosen = anonymize(sandbox)
    listed = sandbox.data.directory
    queue = listed.queues()[0]["id"]
    listed.remove_member(queue, listed.queue_members(queue)[0]["agentId"])
    listed.remove(sandbox.data.desk.agents[0].id)
    listed.remove(listed.tags(deactivated=True)[0]["id"])
    return chosen

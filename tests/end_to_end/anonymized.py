"""Conversations that are anonymized, and messages that are redacted, between two runs."""

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


def anonymize(sandbox, count=3):
    """Anonymize conversations, a minute after each other; give their ids in this order."""
    sandbox.data.now.now += HOUR // 2
    chosen = [conversation["id"] for conversation in some(sandbox, count)]
    for number in chosen:
        sandbox.data.now.now += HOUR // 60
        sandbox.data.anonymize(number)
    sandbox.data.now.now += HOUR // 2
    return chosen


def redact(sandbox, count=3):
    """Redact messages of different days that have a text; give them as they were."""
    sandbox.data.now.now += HOUR // 2
    conversations = {c["id"] for c in some(sandbox, 30)}
    found = [
        m
        for m in expected.source(sandbox.data, "messages").values()
        if m["csid"] in conversations and m.get("text")
    ]
    found.sort(key=lambda m: (m["created_at"], m["id"]))
    chosen = found[:: (len(found) - 1) // (count - 1)] if count > 1 else found[:1]
    for message in chosen:
        sandbox.data.redact(message["csid"], message["id"])
    sandbox.data.now.now += HOUR // 2
    return chosen


def erase_and_delete(sandbox):
    """Anonymize conversations, and delete an agent, a tag and a queue's member."""
    chosen = anonymize(sandbox)
    listed = sandbox.data.directory
    queue = listed.queues[0]["id"]
    listed.remove_member(queue, listed.queue_members[queue][0]["agentId"])
    listed.remove(sandbox.data.desk.agents[0].id)
    listed.remove(listed.tags[0]["id"])
    return chosen

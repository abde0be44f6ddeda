"""The conversations that are linked to another one, their parent, as the Dixa API lists them.

A conversation has one parent at most, and a child has no children.
"""

from collections.abc import Iterator
from typing import Any

from tap_dixa_sandbox import records
from tap_dixa_sandbox.dataset import DataSet
from tap_dixa_sandbox.desk import EMAIL
from tap_dixa_sandbox.life import Life
from tap_dixa_sandbox.ratings import CHANNELS
from tap_dixa_sandbox.times import instant

_STEP = 4
"""A parent's number is a multiple of this; some of the conversations after it are its children."""
_TYPES = {"WidgetChat": "Chat", "Callback": "Generic", "Voicemail": "Generic"}
"""Types of conversations, where they do not have the name of the channel."""


def rows(data: DataSet, parent: Life, seen: int) -> list[dict[str, Any]]:
    """List the children of a conversation as of a time.

    Args:
        data: The data.
        parent: The conversation.
        seen: The time, in Unix ms.
    """
    return [_row(data, parent, child, seen) for child in _children(data, parent, seen)]


def _children(data: DataSet, parent: Life, seen: int) -> Iterator[Life]:
    if parent.number % _STEP:
        return
    for number in range(parent.number + 1, parent.number + _STEP):
        child = data.draw(number)
        # A link is a change of the parent.
        if child.bits >> 24 & 1 and child.created <= parent.updated(seen):
            yield child


def _row(data: DataSet, parent: Life, child: Life, seen: int) -> dict[str, Any]:
    record = records.conversation(data.desk, child, seen)
    channel = CHANNELS.get(child.channel, "Messenger")
    kinds = ("SideConversation", "EmailForward" if child.channel in EMAIL else "FollowUp")
    anonymized = child.is_anonymized(seen)
    row: dict[str, Any] = {
        "_type": "Anonymized" if anonymized else _TYPES.get(channel, channel),
        "id": child.number,
        "requesterId": child.customer.id,
        "channel": channel,
        "createdAt": instant(child.created),
        "direction": "Inbound" if child.inbound else "Outbound",
        "state": record["status"].capitalize(),
        "link": {"_type": kinds[child.bits >> 25 & 1], "parentId": parent.number},
    }
    row["_type"] += "Conversation"
    if child.channel in EMAIL and not anonymized:
        row |= {"subject": record["subject"], "fromEmail": child.customer.email}
    return row

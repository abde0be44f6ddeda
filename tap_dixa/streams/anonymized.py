"""Conversations that were anonymized, and when their messages are from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tap_dixa.streams.conversations import ConversationsStream
from tap_dixa.timestamps import EARLIEST, LATEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_dixa.client import DixaStream
    from tap_dixa.download.windows import Window

TOLERANCE = 3_600_000
"""How far from its conversation's times a message is looked for, in ms: they may be rounded."""
_NO_TIME = (b"", b"null", b"0", b"false", b'""')


class Conversation(msgspec.Struct):
    """A conversation of the export. Whatever its times are, its messages are found."""

    id: int
    updated_at: int
    created_at: msgspec.Raw = msgspec.Raw()
    last_message_created_at: msgspec.Raw = msgspec.Raw()
    anonymized_at: msgspec.Raw = msgspec.Raw()

    @property
    def is_anonymized(self) -> bool:
        """Whether it has an ``anonymized_at``, usable or not."""
        return bytes(self.anonymized_at) not in _NO_TIME

    def span(self) -> tuple[int, int] | None:
        """When its messages were created.

        Returns:
            A half-open interval in Unix ms, a little longer than it must be; None if its times
            are missing, unusable, or contradict each other.
        """
        first, last = _milliseconds(self.created_at), _milliseconds(self.last_message_created_at)
        if bytes(self.last_message_created_at) in _NO_TIME:
            last = self.updated_at  # which a message changes, if there is one
        if first is None or last is None or first > last + TOLERANCE:
            return None
        return first - TOLERANCE, last + TOLERANCE


_CONVERSATION = msgspec.json.Decoder(Conversation)


def anonymized_conversations(
    stream: DixaStream, windows: list[Window]
) -> Iterator[tuple[Window, Conversation]]:
    """Yield the conversations that are anonymized, by ``updated_at``, each with its window.

    Anonymizing a conversation updates it, and its export is the one trace of that.

    Args:
        stream: The stream that needs them. Each has its own search: it is one request in most
            runs, and the streams can be selected apart.
        windows: When they were updated.

    Raises:
        ForbiddenError: The token may not read conversations.
        RefusedError: Dixa refuses a request.
        RetriesExhaustedError: A request failed in all of its attempts.
        UnusableRecordError: A conversation has no usable id or ``updated_at``.
    """
    conversations = stream.another(ConversationsStream)
    for spool in conversations.fetch(windows):
        for conversation in conversations.emit(spool, _CONVERSATION.decode):
            if conversation.is_anonymized:
                yield spool.window, conversation


def _milliseconds(raw: msgspec.Raw) -> int | None:
    try:
        time = msgspec.json.decode(raw, type=int)
    except (msgspec.DecodeError, OverflowError):
        return None
    return time if EARLIEST <= time <= LATEST else None

"""The export of conversations of which personal data was erased."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import msgspec

from tap_dixa.errors import RefusedError
from tap_dixa.http.retries import ATTEMPTS_BEFORE_LESS, RETRIABLE
from tap_dixa.read.children import Parent
from tap_dixa.read.exports import conversation_export
from tap_dixa.read.window_reader import WindowReader
from tap_dixa.timestamps import EARLIEST, LATEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_dixa.download.windows import Window
    from tap_dixa.http.client import Client

_TOLERANCE = 3_600_000
"""How far from its conversation's times a message is looked for, in ms: they may be rounded."""
_NO_TIME = (b"", b"null", b"0", b"false", b'""')
_MOST_IDS = 100
"""How many conversations are requested by their ids at once: an address of 1.2 kB."""


class Conversation(Parent):
    """A conversation of the export. Whatever its times are, its messages are read."""

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
        """When its messages were created: a half-open interval in Unix ms, rather too long.

        None if its times are missing or unusable.
        """
        created, last = _milliseconds(self.created_at), _milliseconds(self.last_message_created_at)
        if bytes(self.last_message_created_at) in _NO_TIME:
            last = self.updated_at  # which a message changes, if there is one
        if created is None or last is None:
            return None
        return min(created, last) - _TOLERANCE, max(created, last) + _TOLERANCE


_CONVERSATION = msgspec.json.Decoder(Conversation)


class ErasedConversations:
    """Reads the conversations whose data may have been erased."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._source = conversation_export(client)
        self._reader = WindowReader(client, self._source.download)

    def updated(self, window: Window) -> Iterator[Conversation]:
        """Yield the conversations that were updated in a window, in that order.

        Anonymizing a conversation updates it, and its export is the one trace of that.
        """
        return self._reader.decoded(window, _CONVERSATION)

    def with_ids(self, ids: Iterable[int]) -> Iterator[Conversation]:
        """Yield conversations by their ids; of one that Dixa does not send, nothing but its id.

        As many are requested at once as Dixa accepts. If it does not even send a single one, no
        more are requested: all messages have to be searched anyway.
        """
        left, most, missing = sorted(ids), _MOST_IDS, set(ids)
        retries = self._client.retries()
        retries.attempts_before_less = ATTEMPTS_BEFORE_LESS
        while left and most:
            try:
                spool = self._source.by_ids(left[:most], retries)
            except (RefusedError, *RETRIABLE):
                most = min(most, len(left)) // 2
                continue
            with closing(spool):
                for conversation in (_CONVERSATION.decode(text) for _, text in spool.records()):
                    if conversation.id in missing:
                        missing.remove(conversation.id)
                        yield conversation
            left = left[most:]
        yield from (Conversation(number, 0) for number in sorted(missing))


def _milliseconds(raw: msgspec.Raw) -> int | None:
    try:
        time = msgspec.json.decode(raw, type=int)
    except (msgspec.DecodeError, OverflowError):
        return None
    return time if EARLIEST <= time <= LATEST else None

"""The export of conversations of which personal data was erased."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import msgspec

from tap_dixa import retry
from tap_dixa.download.spool import Spool
from tap_dixa.download.windows import Window
from tap_dixa.errors import RefusedError
from tap_dixa.response_body import body_parts
from tap_dixa.streams.conversations import ConversationsStream
from tap_dixa.timestamps import EARLIEST, LATEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import requests

_TOLERANCE = 3_600_000
"""How far from its conversation's times a message is looked for, in ms: they may be rounded."""
_NO_TIME = (b"", b"null", b"0", b"false", b'""')
_MOST_IDS = 100
"""How many conversations are requested by their ids at once: an address of 1.2 kB."""
_ANY_TIME = Window(EARLIEST, LATEST + 1)
_CHUNK = 1 << 18


class Conversation(msgspec.Struct):
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
        """When its messages were created.

        Returns:
            A half-open interval in Unix ms, a little longer than it must be; None if its times
            are missing or unusable.
        """
        created, last = _milliseconds(self.created_at), _milliseconds(self.last_message_created_at)
        if bytes(self.last_message_created_at) in _NO_TIME:
            last = self.updated_at  # which a message changes, if there is one
        if created is None or last is None:
            return None
        return min(created, last) - _TOLERANCE, max(created, last) + _TOLERANCE


_CONVERSATION = msgspec.json.Decoder(Conversation)


class ErasedConversations(ConversationsStream):
    """Reads the conversations whose data may have been erased. Not a stream of its own."""

    def updated(self, window: Window) -> Iterator[Conversation]:
        """Yield the conversations that were updated in a window, in that order.

        Anonymizing a conversation updates it, and its export is the one trace of that.

        Raises:
            RefusedError: Dixa refuses a request.
            RetriesExhaustedError: A request failed in all of its attempts.
            UnusableRecordError: A conversation has no usable id or ``updated_at``.
        """
        for spool in self.fetch([window]):
            yield from self.emit(spool, _CONVERSATION.decode)

    def with_ids(self, ids: Iterable[int]) -> Iterator[Conversation]:
        """Yield conversations by their ids; of one that Dixa does not send, nothing but its id.

        As many are requested at once as Dixa accepts. If it does not even send a single one, no
        more are requested: all messages have to be searched anyway.

        Raises:
            UnusableRecordError: A conversation has no usable id or ``updated_at``.
        """
        left, most, missing, retries = sorted(ids), _MOST_IDS, set(ids), self.retries()
        retries.attempts_before_less = retry.ATTEMPTS_BEFORE_LESS
        while left and most:
            try:
                spool = retries.call(self._spool, self._request_for(left[:most]))
            except (RefusedError, *retry.RETRIABLE):
                most = min(most, len(left)) // 2
                continue
            with closing(spool):
                for conversation in map(_CONVERSATION.decode, spool):
                    if conversation.id in missing:
                        missing.remove(conversation.id)
                        yield conversation
            left = left[most:]
        yield from (Conversation(number, 0) for number in sorted(missing))

    def _request_for(self, ids: list[int]) -> requests.PreparedRequest:
        return self.build_prepared_request(
            method=self.http_method,
            url=f"{self.url_base}{self.path}",
            params={"csids": ",".join(map(str, ids))},
            headers=self.http_headers,
        )

    def _spool(self, request: requests.PreparedRequest) -> Spool:
        with self.send(request) as response:
            return Spool(body_parts(response, _CHUNK), _ANY_TIME, self.key_decoder)


def _milliseconds(raw: msgspec.Raw) -> int | None:
    try:
        time = msgspec.json.decode(raw, type=int)
    except (msgspec.DecodeError, OverflowError):
        return None
    return time if EARLIEST <= time <= LATEST else None

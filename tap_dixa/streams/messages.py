"""The stream ``messages``, and those that were anonymized or redacted once more."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import msgspec
from typing_extensions import override

from tap_dixa.download.windows import LONGEST, cover, merge
from tap_dixa.streams.anonymized import anonymized_conversations
from tap_dixa.streams.exports_api import ExportStream
from tap_dixa.streams.redacted_messages import RedactedMessages, conversation_id
from tap_dixa.streams.refresh import Refresh, RefreshBookmark
from tap_dixa.timestamps import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_sdk.helpers.types import Context

    from tap_dixa.download.windows import Window
    from tap_dixa.output.normalize_raw import Encodable
    from tap_dixa.streams.refresh import Step


_SPANS = 1_000
"""How many intervals to keep, beside what is merged, before they are merged."""


class _Message(msgspec.Struct):
    csid: msgspec.Raw = msgspec.Raw()


_MESSAGE = msgspec.json.Decoder(_Message)


class MessagesStream(ExportStream):
    """Messages, each exported by the time it was created: Dixa has no other filter."""

    name = "messages"
    path = "/v1/message_export"
    primary_keys = ("id",)
    replication_key = cursor = "created_at"
    # Seen live under the one name, documented under the other.
    other_names: ClassVar = {"form_submission": "formSubmission"}

    @override
    def read(
        self, context: Context | None, convert: Callable[[bytes], Encodable]
    ) -> Iterator[Encodable | None]:
        records = super().read(context, convert)
        return Refresh(self, self._reread).follow(records, context, convert)

    @cached_property
    def _redacted(self) -> RedactedMessages:
        return RedactedMessages(self)

    def _reread(
        self, step: Step, convert: Callable[[bytes], Encodable]
    ) -> Iterator[Encodable | RefreshBookmark]:
        erased = _Erased(step.start, step.loaded)
        for _, conversation in anonymized_conversations(self, step.windows):
            erased.add(conversation.id, conversation.span())
        self._warn(
            "%s: cannot determine when the messages of %d anonymized conversations (such as %d) "
            "were created: searching the whole synced time range",
            erased,
        )
        for csid, span in self._redacted.find(step.windows):
            erased.add(csid, span)
        self._warn(
            "%s: cannot determine when the redacted messages of %d conversations (such as %d) were "
            "created: searching the whole synced time range",
            erased,
        )
        step.conversations.update(erased.conversations)
        windows = erased.windows(self.settings.window_days)
        for spool in self.downloads(windows):
            yield from self.emit(spool, convert, erased.has)
            # What becomes visible late is looked for again, without regard to what is done.
            yield RefreshBookmark(
                min(step.windows[0].start, step.visible),
                min(step.end, step.visible),
                spool.window.end,
            )

    def _warn(self, warning: str, erased: _Erased) -> None:
        if doubtful := erased.doubtful:
            self.log(warning, self.name, len(doubtful), doubtful[0], level=logging.WARNING)
            doubtful.clear()


class _Erased:
    """The messages to emit again, by their conversations and by when they were created.

    Args:
        start: Messages before this are not emitted, in Unix ms.
        end: Neither are messages from this on.
    """

    def __init__(self, start: int, end: int) -> None:
        self._start = start
        self._end = end
        self.conversations: set[int] = set()
        self._spans: list[tuple[int, int]] = []
        self._most_spans = _SPANS
        self.doubtful: list[int] = []
        """Conversations whose messages may be from any time."""

    def add(self, conversation: int, span: tuple[int, int] | None) -> None:
        """Add messages of a conversation.

        Args:
            conversation: Its id.
            span: When they were created, a half-open interval in Unix ms; None if that is
                unknown.
        """
        if span is None:
            self.doubtful.append(conversation)
            span = (self._start, self._end)
        start, end = max(span[0], self._start), min(span[1], self._end)
        if start < end:
            self.conversations.add(conversation)
            self._spans.append((start, end))
            if len(self._spans) > self._most_spans:
                self._spans = merge(self._spans)
                self._most_spans = _SPANS + 2 * len(self._spans)

    def windows(self, days: int) -> list[Window]:
        """Return as few windows, of at most so many days, as hold all of them."""
        return cover(self._spans, min(days * DAY, LONGEST))

    def has(self, message: bytes) -> bool:
        """Whether a message is of one of the conversations."""
        return conversation_id(_MESSAGE.decode(message).csid) in self.conversations

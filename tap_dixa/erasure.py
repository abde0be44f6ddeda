"""Anonymized conversations: their messages once more, without what was erased.

When a conversation is anonymized, its messages lose their personal data, but they are only ever
exported by the time at which they were created. The one trace is the conversation's own export.
So a run of messages first looks there for what was anonymized since its bookmark, and exports
the time in which those messages lie again.
"""

from __future__ import annotations

import logging
from itertools import chain
from typing import TYPE_CHECKING

import msgspec
from typing_extensions import override

from tap_dixa.ahead import one_ahead
from tap_dixa.errors import ForbiddenError
from tap_dixa.export import ExportStream
from tap_dixa.spool import heads_decoder
from tap_dixa.windows import LONGEST, Window, split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from singer_sdk.helpers.types import Context

    from tap_dixa.drafts import Draft
    from tap_dixa.spool import Spool

_CONVERSATIONS = "/v1/conversation_export"


class _Conversation(msgspec.Struct):
    id: int
    created_at: int
    updated_at: int
    last_message_created_at: int | None = None
    anonymized_at: int | None = None


class _Message(msgspec.Struct):
    csid: int | None = None


_CONVERSATION = msgspec.json.Decoder(_Conversation)
_MESSAGE = msgspec.json.Decoder(_Message)
_HEADS = heads_decoder("updated_at", {"id": int})


class RefreshedMessages(ExportStream):
    """Messages, with those of anonymized conversations exported again."""

    @override
    def _read(
        self, context: Context | None, convert: Callable[[bytes], Draft]
    ) -> Iterator[Draft | None]:
        rest = super()._read(context, convert)
        # The bookmark stays where it is until all of them have left: an interrupted run's
        # successor finds the same conversations again.
        return chain(self._refreshed(context, convert), rest)

    def _refreshed(
        self, context: Context | None, convert: Callable[[bytes], Draft]
    ) -> Iterator[Draft]:
        plan = self._plan(context)
        if (
            not plan
            or not self.settings.refresh_anonymized
            or "replication_key_value" not in self.get_context_state(context)
            or self.ABORT_AT_RECORD_COUNT is not None
        ):
            return
        anonymized: set[int] = set()
        spans: list[tuple[int, int]] = []
        try:
            found = list(self._anonymized(plan))
        except ForbiddenError as error:
            self.log("%s: nothing could be refreshed: %s", self.name, error, level=logging.WARNING)
            return
        for conversation in found:
            last = conversation.last_message_created_at or conversation.updated_at
            start = max(conversation.created_at, self.settings.start_date)
            # What is newer than this comes by itself.
            end = min(last + 1, plan[0].start)
            if start < end:
                anonymized.add(conversation.id)
                spans.append((start, end))
        if not spans:
            return

        def belongs(text: bytes) -> bool:
            return _MESSAGE.decode(text).csid in anonymized

        messages = 0
        for window, spool in one_ahead(self._fetch, cover(spans, LONGEST)):
            for message in self._emit(window, spool, convert, belongs):
                messages += 1
                yield message
        self.log(
            "%s: refreshed %d messages of %d conversations anonymized since the last run",
            self.name,
            messages,
            len(anonymized),
        )

    def _anonymized(self, plan: list[Window]) -> Iterator[_Conversation]:
        windows = split(plan[0].start, plan[-1].end, self.settings.window_days)
        for window, spool in one_ahead(self._fetch_conversations, windows):
            for conversation in self._emit(window, spool, _CONVERSATION.decode):
                if conversation.anonymized_at is not None:
                    yield conversation

    def _fetch_conversations(self, window: Window) -> Spool:
        return self._fetch(
            window, lambda part: self.export(_CONVERSATIONS, "updated_at", part, _HEADS)
        )


def cover(spans: Iterable[tuple[int, int]], longest: int) -> list[Window]:
    """Cover spans of time with as few windows as possible.

    Args:
        spans: Half-open intervals, in Unix ms.
        longest: The longest a window may be, in ms.

    Returns:
        The windows, oldest first, none longer than it must be.
    """
    windows: list[Window] = []
    for start, end in sorted(spans):
        left = max(start, windows[-1].end) if windows else start
        while left < end:
            last = windows[-1] if windows else None
            if last is not None and left < last.start + longest:
                windows[-1] = Window(last.start, min(end, last.start + longest))
            else:
                windows.append(Window(left, min(end, left + longest)))
            left = windows[-1].end
    return windows

"""The stream ``messages``, and those of anonymized conversations once more.

When a conversation is anonymized, its messages lose their personal data, but Dixa only filters
messages by the time at which they were created. The one trace is the conversation's own export.
So a run of messages first looks there for what was anonymized since its bookmark, and exports
the time in which those messages lie again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar

import msgspec
from typing_extensions import override

from tap_dixa.download.prefetch import prefetch
from tap_dixa.download.spool import key_decoder
from tap_dixa.download.windows import LONGEST, Window
from tap_dixa.errors import ForbiddenError
from tap_dixa.streams.conversations import ConversationsStream
from tap_dixa.streams.exports_api import ExportStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from singer_sdk.helpers.types import Context

    from tap_dixa.download.spool import Spool
    from tap_dixa.download.window_download import WindowDownload
    from tap_dixa.output.normalize_raw import Encodable


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
_CONVERSATION_KEYS = key_decoder(ConversationsStream.cursor, {"id": int})


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
        # The bookmark does not move before the refresh is emitted: if it is interrupted, the
        # next run finds the same conversations again.
        yield from self._refresh(context, convert)
        if not self.skipped:
            yield from super().read(context, convert)

    def _refresh(
        self, context: Context | None, convert: Callable[[bytes], Encodable]
    ) -> Iterator[Encodable]:
        """Yield the messages of conversations that were anonymized since the bookmark."""
        windows = self.windows(context)
        earliest = self.settings.start_date
        if (
            not self.settings.refresh_anonymized
            or self.ABORT_AT_RECORD_COUNT is not None
            # Nothing was synced before, or all that this run may emit is new to it.
            or not windows
            or windows[0].start <= earliest
        ):
            return
        try:
            anonymized, spans = self._anonymized(windows, earliest)
        except ForbiddenError as error:
            self.log(
                "%s: messages of anonymized conversations are not refreshed: %s",
                self.name,
                error,
                level=logging.WARNING,
            )
            return
        if not spans:
            return

        def belongs(text: bytes) -> bool:
            return _MESSAGE.decode(text).csid in anonymized

        messages = 0
        for _, found in self.downloads(cover(spans, LONGEST)):
            for message in self.emit(found, convert, belongs):
                messages += 1
                yield message
        if self.skipped:
            return
        self.log(
            "%s: refreshed %d messages of %d conversations anonymized since the last run",
            self.name,
            messages,
            len(anonymized),
        )

    def _anonymized(
        self, windows: list[Window], earliest: int
    ) -> tuple[set[int], list[tuple[int, int]]]:
        """Find the conversations that were anonymized, and when their older messages are from.

        Args:
            windows: What this run reads anyway: newer messages need no refresh.
            earliest: Messages before this are not refreshed, in Unix ms.

        Returns:
            The conversations' ids, and half-open intervals in Unix ms that do not overlap.
        """
        ids: set[int] = set()
        spans: list[tuple[int, int]] = []
        ahead = self.settings.parallel_downloads
        for _, found in prefetch(self._fetch_conversations, windows, ahead=ahead):
            for conversation in self.emit(found, _CONVERSATION.decode):
                if conversation.anonymized_at is None:
                    continue
                last = conversation.last_message_created_at or conversation.updated_at
                start = max(conversation.created_at, earliest)
                end = min(last + 1, windows[0].start)
                if start < end:
                    ids.add(conversation.id)
                    spans.append((start, end))
            spans = merge(spans)
        return ids, spans

    def _fetch_conversations(self, window: Window) -> WindowDownload:
        def download(window: Window) -> Spool:
            cursor = ConversationsStream.cursor
            return self.export(ConversationsStream.path, cursor, window, _CONVERSATION_KEYS)

        return self.fetch(window, download)


def merge(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Merge half-open intervals that overlap or touch.

    Returns:
        The intervals, in order.
    """
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def cover(spans: Iterable[tuple[int, int]], longest: int) -> list[Window]:
    """Cover intervals with as few windows as possible.

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

"""The stream ``messages``, and those of anonymized conversations once more."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import msgspec
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from typing_extensions import override

from tap_dixa.download.prefetch import prefetch
from tap_dixa.download.spool import key_decoder
from tap_dixa.download.windows import LONGEST, cover, merge, split
from tap_dixa.errors import ForbiddenError
from tap_dixa.streams.conversations import ConversationsStream
from tap_dixa.streams.exports_api import ExportStream
from tap_dixa.streams.refresh import Conversation, RefreshBookmark
from tap_dixa.timestamps import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_sdk.helpers.types import Context

    from tap_dixa.download.spool import Spool
    from tap_dixa.download.window_download import WindowDownload
    from tap_dixa.download.windows import Window
    from tap_dixa.output.normalize_raw import Encodable

_STEP = 30
"""After so many windows of conversations, the refresh emits what it found in them, so that it
gets on however soon each run is stopped: at Dixa's limit, they take three minutes."""


class _Message(msgspec.Struct):
    csid: msgspec.Raw = msgspec.Raw()


_MESSAGE = msgspec.json.Decoder(_Message)
_CONVERSATION = msgspec.json.Decoder(Conversation)
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
        windows = self.windows(context)
        if (
            not windows
            or self.ABORT_AT_RECORD_COUNT is not None
            or self.replication_method != REPLICATION_INCREMENTAL
        ):
            yield from super().read(context, convert)
            return
        # Where the refresh starts is recorded even while it is off, so that it can be turned on.
        first = windows[0].start <= self.settings.start_date
        begun = RefreshBookmark.read(self.stream_state) is not None
        if not first and not begun:
            RefreshBookmark(windows[0].start).save(self.stream_state)
        for message in super().read(context, convert):
            if message is None and first and not begun:
                # All messages are exported from now on, by this run or by those that resume it.
                visible = self._visible_until(windows[-1].end)
                RefreshBookmark(max(visible, windows[0].start)).save(self.stream_state)
                begun = True
            yield message
        if self.settings.refresh_anonymized and not first and not self.skipped:
            # Last, so that no other request comes before a new message.
            yield from self._refresh(windows, convert)

    def _visible_until(self, end: int) -> int:
        """Return up to when changes in Dixa are visible by now, by its own clock, in Unix ms.

        Args:
            end: The run's upper bound, in Unix ms.
        """
        # Whichever is later is what is known of Dixa's clock: the time of its first response, or
        # that of its newest message.
        newest = self.stream_state.get("replication_key_value")
        times = [0, self.requests_session.service_time or 0, parse(newest) if newest else 0]
        return max(0, min(max(times), end) - 1000 * self.settings.lookback_seconds)

    def _refresh(
        self, windows: list[Window], convert: Callable[[bytes], Encodable]
    ) -> Iterator[Encodable | None]:
        """Yield the older messages of conversations anonymized since the last refresh.

        It goes on in steps, and records how far it is, so that it is resumed where it stopped.

        Args:
            windows: What this run has read.
            convert: Makes what is yielded from a message's JSON.
        """
        start, loaded, end = self.settings.start_date, windows[0].start, windows[-1].end
        bookmark = RefreshBookmark.read(self.stream_state) or RefreshBookmark(loaded)
        visible = max(bookmark.conversations, self._visible_until(end))
        refreshed, messages = set[int](), 0
        while bookmark.conversations < end:
            step = self._step(bookmark, end)
            created_from = max(start, bookmark.messages or start)
            try:
                found, spans = self._anonymized(step, created_from, loaded)
            except ForbiddenError as error:
                self.log(
                    "%s: messages of anonymized conversations are not refreshed: %s",
                    self.name,
                    error,
                    level=logging.WARNING,
                )
                return
            found -= refreshed
            refreshed |= found
            for window, download in self.downloads(cover(spans, LONGEST)):
                for message in self.emit(download, convert, partial(_belongs_to, found)):
                    messages += 1
                    yield message
                yield None
                # What becomes visible late is looked for again, without regard to what is done.
                RefreshBookmark(
                    min(bookmark.conversations, visible), min(step[-1].end, visible), window.end
                ).save(self.stream_state)
            bookmark = RefreshBookmark(step[-1].end)
            RefreshBookmark(min(bookmark.conversations, visible)).save(self.stream_state)
            yield None
        if refreshed:
            self.log(
                "%s: refreshed %d messages of %d conversations anonymized since the last run",
                self.name,
                messages,
                len(refreshed),
            )

    def _step(self, bookmark: RefreshBookmark, end: int) -> list[Window]:
        """Choose which windows of conversations come next."""
        until = min(bookmark.step or end, end)
        return split(bookmark.conversations, until, self.settings.window_days)[:_STEP]

    def _anonymized(
        self, step: list[Window], created_from: int, loaded: int
    ) -> tuple[set[int], list[tuple[int, int]]]:
        """Find the conversations that were anonymized, and when their older messages are from.

        Args:
            step: When they were updated.
            created_from: Messages before this are not refreshed, in Unix ms.
            loaded: Neither are messages from this on.

        Returns:
            The conversations' ids, and half-open intervals in Unix ms that do not
            overlap.
        """
        ids: set[int] = set()
        spans: list[tuple[int, int]] = []
        doubtful = 0
        ahead = self.settings.parallel_downloads
        for _, download in prefetch(self._fetch_conversations, step, ahead=ahead):
            for conversation in self.emit(download, _CONVERSATION.decode):
                if not conversation.is_anonymized:
                    continue
                span = conversation.span()
                if span is None:
                    doubtful += 1
                    example, span = conversation.id, (created_from, loaded)
                start, end = max(span[0], created_from), min(span[1], loaded)
                if start < end:
                    ids.add(conversation.id)
                    spans.append((start, end))
            spans = merge(spans)
        if doubtful:
            self.log(
                "%s: the times of %d anonymized conversations cannot be used, such as those of %d; "
                "their messages are looked for in all that was synced before",
                self.name,
                doubtful,
                example,
                level=logging.WARNING,
            )
        return ids, spans

    def _fetch_conversations(self, window: Window) -> WindowDownload:
        def download(window: Window) -> Spool:
            cursor = ConversationsStream.cursor
            return self.export(ConversationsStream.path, cursor, window, _CONVERSATION_KEYS)

        return self.fetch(window, download)


def _belongs_to(conversations: set[int], message: bytes) -> bool:
    csid = bytes(_MESSAGE.decode(message).csid).strip(b'"')
    try:
        return int(csid) in conversations
    except ValueError:
        pass
    try:
        return float(csid) in conversations
    except ValueError:
        return False

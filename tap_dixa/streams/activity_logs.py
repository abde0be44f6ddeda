"""The stream ``activity_logs``, and its entries about anonymized conversations once more."""

from __future__ import annotations

import logging
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from typing_extensions import override

from tap_dixa import timestamps
from tap_dixa.download.prefetch import prefetch
from tap_dixa.download.spool import Spool, key_decoder
from tap_dixa.download.windows import Window
from tap_dixa.errors import (
    NotFoundError,
    RefusedError,
    RetriesExhaustedError,
    UnusableRecordError,
)
from tap_dixa.streams.anonymized import anonymized_conversations
from tap_dixa.streams.conversation_entries import ConversationEntries, EntriesDownload
from tap_dixa.streams.dixa_api import DixaApiStream, as_array
from tap_dixa.streams.refresh import Refresh, RefreshBookmark
from tap_dixa.streams.refusals import Refusals
from tap_dixa.streams.windowed import WindowedStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from urllib.parse import ParseResult

    from singer_sdk.helpers.types import Context

    from tap_dixa.download.spool import KeyDecoder
    from tap_dixa.output.normalize_raw import Encodable
    from tap_dixa.retries import Retries
    from tap_dixa.streams.anonymized import Conversation
    from tap_dixa.streams.refresh import Step

_PAGE_LIMIT = "10000"
"""The most entries that Dixa puts on a page."""
_SECOND = 1000
_NO_LOG = "Dixa returned no activity log for this conversation"
_STATE_FREQUENCY = 10
"""After how many conversations whose entries were emitted again the state is written."""


class _Time(msgspec.Struct):
    time: str = msgspec.field(name="activityTimestamp")


_TIME = msgspec.json.Decoder(_Time)


class ActivityLogsStream(WindowedStream, DixaApiStream):
    """What happened to conversations, entry by entry.

    Dixa documents no order of the entries. So a window's pages are gathered on disk and read in
    order, as an export is: every state is a safe place to resume from.
    """

    name = "activity_logs"
    path = "/v1/conversations/activitylog"
    primary_keys = ("id",)
    replication_key = cursor = "activityTimestamp"
    row_type: ClassVar = msgspec.Raw

    @override
    def read(
        self, context: Context | None, convert: Callable[[bytes], Encodable]
    ) -> Iterator[Encodable | None]:
        records = super().read(context, convert)
        return Refresh(self, self._reread).follow(records, context, convert)

    @override
    def download(self, window: Window, retries: Retries) -> Spool:
        return self._spool(self.entries(window, retries), window)

    def entries(self, window: Window, retries: Retries) -> Iterable[msgspec.Raw]:
        """Request the entries of a window, page by page.

        Args:
            window: The window. Entries from shortly before and after it come, too.
            retries: Retries the request for each page.
        """
        # Whole seconds, as Dixa wants them; the window itself decides what is kept.
        interval = {
            "fromDatetime": _whole_seconds(window.after // _SECOND),
            "toDatetime": _whole_seconds(-(-window.before // _SECOND)),
        }
        return self.request_rows(interval, retries)

    @override
    def get_url_params(
        self, context: Context | None, next_page_token: ParseResult | None
    ) -> dict[str, Any]:
        query = super().get_url_params(context, next_page_token)
        return {"pageLimit": _PAGE_LIMIT, **(context or {}), **query}

    def _spool(self, entries: Iterable[msgspec.Raw], window: Window) -> Spool:
        body = self.traffic.count(as_array(entries))
        return Spool(body, window, self._key_decoder, timestamps.parse_record_time)

    @cached_property
    def _key_decoder(self) -> KeyDecoder:
        return key_decoder(self.cursor, dict.fromkeys(self.primary_keys, str), str)

    def _reread(
        self, step: Step, convert: Callable[[bytes], Encodable]
    ) -> Iterator[Encodable | RefreshBookmark]:
        source = self.another(ConversationEntries)
        refusals = Refusals(source.refused)

        def fetch(found: tuple[Window, Conversation]) -> EntriesDownload:
            return self._entries_of(source, found[1], Window(step.start, step.loaded))

        searched = anonymized_conversations(self, step.windows)
        ahead = self.settings.parallel_downloads
        fetched = prefetch(fetch, searched, ahead=ahead)
        for count, ((window, conversation), download) in enumerate(fetched, 1):
            refusals.add(conversation.id, download.refused)
            if download.refused is None:
                step.conversations.add(conversation.id)
            if download.spool is not None:
                yield from self.emit(download.spool, convert)
            # One that Dixa sent from elsewhere does not move the bookmark.
            inside = window.start <= conversation.updated_at < window.end
            if count % _STATE_FREQUENCY == 0 and inside and not refusals.pending:
                yield RefreshBookmark(min(conversation.updated_at, step.visible))
        refusals.settle()
        skipped = refusals.take_skipped()
        for conversation_id, reason in islice(skipped.items(), 1):
            self.log(
                "%s: the log entries of %d anonymized conversations (such as %d) are not "
                "refreshed: %s",
                self.name,
                len(skipped),
                conversation_id,
                reason,
                level=logging.WARNING,
            )

    def _entries_of(
        self, source: ConversationEntries, conversation: Conversation, window: Window
    ) -> EntriesDownload:
        """Download the entries about a conversation; none if Dixa does not send its log.

        Raises:
            RetriesExhaustedError: All attempts failed.
            UnusableRecordError: An entry has no usable key or replication key.
        """
        download = EntriesDownload()
        if window.length <= 0:
            return download
        try:
            rows = iter(source.request_records({"csid": conversation.id}))
            if first := [*islice(rows, 1)]:
                later = (row for row in chain(first, rows) if not _is_before(row, window.start))
                download.spool = self._spool(later, window)
            else:  # each conversation has an entry: the one of its creation
                download.refused = NotFoundError(_NO_LOG)
        except NotFoundError:
            download.refused = NotFoundError(_NO_LOG)
        except RefusedError as error:
            download.refused = error
        except (RetriesExhaustedError, UnusableRecordError) as error:
            raise type(error)(f"{self.name}: conversation {conversation.id}: {error}") from None
        return download


def _is_before(row: msgspec.Raw, time: int) -> bool:
    try:
        return timestamps.parse_record_time(_TIME.decode(row).time) < time
    except (msgspec.DecodeError, OverflowError, ValueError):
        return False  # it cannot be used, which the spool says


def _whole_seconds(seconds: int) -> str:
    return timestamps.to_rfc3339(seconds * _SECOND).replace(".000Z", "Z")

"""The stream ``activity_logs``."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from typing_extensions import override

from tap_dixa import timestamps
from tap_dixa.download.spool import Spool, key_decoder
from tap_dixa.streams.conversation_entries import EntryRefresh
from tap_dixa.streams.dixa_api import DixaApiStream, as_array
from tap_dixa.streams.windowed import WindowedStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from urllib.parse import ParseResult

    from singer_sdk.helpers.types import Context

    from tap_dixa.download.spool import KeyDecoder
    from tap_dixa.download.windows import Window
    from tap_dixa.output.normalize_raw import Encodable

_PAGE_LIMIT = "10000"
"""The most entries that Dixa puts on a page."""
_SECOND = 1000


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
        return EntryRefresh(self, convert).follow(super().read(context, convert), context)

    @override
    def download(self, window: Window) -> Spool:
        return self.spool(self.entries(window), window)

    def entries(self, window: Window) -> Iterable[msgspec.Raw]:
        """Request the entries of a window, page by page.

        Args:
            window: The window. Entries from shortly before and after it come, too.
        """
        # Whole seconds, as Dixa wants them; the window itself decides what is kept.
        interval = {
            "fromDatetime": _whole_seconds(window.after // _SECOND),
            "toDatetime": _whole_seconds(-(-window.before // _SECOND)),
        }
        return DixaApiStream.request_records(self, interval)

    @override
    def get_url_params(
        self, context: Context | None, next_page_token: ParseResult | None
    ) -> dict[str, Any]:
        query = super().get_url_params(context, next_page_token)
        return {"pageLimit": _PAGE_LIMIT, **(context or {}), **query}

    def spool(self, entries: Iterable[msgspec.Raw], window: Window) -> Spool:
        """Keep entries on disk, in order.

        Args:
            entries: The entries.
            window: When the entries are from that are kept.
        """
        body = self.traffic.count(as_array(entries))
        return Spool(body, window, self._key_decoder, timestamps.parse_record_time)

    @cached_property
    def _key_decoder(self) -> KeyDecoder:
        return key_decoder(self.cursor, dict.fromkeys(self.primary_keys, str), str)


def _whole_seconds(seconds: int) -> str:
    return timestamps.to_rfc3339(seconds * _SECOND).replace(".000Z", "Z")

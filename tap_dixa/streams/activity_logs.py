"""The stream ``activity_logs``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from typing_extensions import override

from tap_dixa import timestamps
from tap_dixa.streams.conversation_entries import EntryRefresh, spool_entries
from tap_dixa.streams.dixa_api import DixaApiStream, as_array
from tap_dixa.streams.windowed import WindowedStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from urllib.parse import ParseResult

    from singer_sdk.helpers.types import Context

    from tap_dixa.download.spool import Spool
    from tap_dixa.download.windows import Window
    from tap_dixa.output.compiled import Encodable
    from tap_dixa.retries import Retries

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
    def download(self, window: Window, retries: Retries) -> Spool:
        entries = self.entries(window, retries)
        return spool_entries(self.traffic.count(as_array(entries)), window)

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


def _whole_seconds(seconds: int) -> str:
    return timestamps.to_rfc3339(seconds * _SECOND).replace(".000Z", "Z")

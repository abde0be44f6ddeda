"""The activity log: entries, page by page, of an interval or of a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_dixa.download.spool import Spool, key_decoder
from tap_dixa.http.client import Client, Request
from tap_dixa.read.lists import ListSource, as_array
from tap_dixa.timestamps import parse_record_time, to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import msgspec

    from tap_dixa.download.windows import Window
    from tap_dixa.http.retries import Retries

LOG_PATH = "/v1/conversations/activitylog"
_PAGE_LIMIT = "10000"
"""The most entries that Dixa puts on a page."""
_SECOND = 1000
_KEYS = key_decoder("activityTimestamp", {"id": str}, parse_record_time)


class ActivityLogSource:
    """Requests the log of an interval, and keeps its entries on disk.

    Dixa documents no order of the entries. So a window's pages are gathered on disk and read in
    order, as an export is: every state is a safe place to resume from.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        request = Request(LOG_PATH, query={"pageLimit": _PAGE_LIMIT})
        self.list = ListSource(client, request, is_raw=True)
        """Requests the pages."""

    def download(self, window: Window, retries: Retries) -> Spool:
        """Download a window, with retries: see `WindowReader`."""
        return spool_entries(as_array(self.entries(window, retries)), window)

    def entries(self, window: Window, retries: Retries) -> Iterator[msgspec.Raw]:
        """Request the entries of a window, and from shortly before and after it, page by page."""
        # Whole seconds, as Dixa wants them; the window itself decides what is kept.
        interval = {
            "fromDatetime": _whole_seconds(window.after // _SECOND),
            "toDatetime": _whole_seconds(-(-window.before // _SECOND)),
        }
        return self.list.rows_with(retries, self.list.request.with_query(interval))


def spool_entries(body: Iterable[bytes], window: Window) -> Spool:
    """Keep the entries of a window on disk, in order, from an array of entries."""
    return Spool(body, window, _KEYS)


def _whole_seconds(seconds: int) -> str:
    return to_rfc3339(seconds * _SECOND).replace(".000Z", "Z")

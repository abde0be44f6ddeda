"""The activity log: entries of an interval, and those of conversations that were anonymized."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import msgspec

from tap_dixa.download.spool import Spool, key_decoder
from tap_dixa.download.windows import Window
from tap_dixa.errors import NotFoundError, UnusableRecordError
from tap_dixa.http.client import Client, Request
from tap_dixa.http.retries import Retries
from tap_dixa.prefetch import prefetch
from tap_dixa.read.batches import Batch, grouped
from tap_dixa.read.children import ChildrenSource, Refusals, Skipped
from tap_dixa.read.exports import CONVERSATION, ExportSource
from tap_dixa.read.lists import ListSource, as_array
from tap_dixa.read.refresh import RefreshBookmark
from tap_dixa.read.window_reader import WindowReader
from tap_dixa.timestamps import EARLIEST, parse_record_time, to_rfc3339

LOG_PATH = "/v1/conversations/activitylog"
_LOG_OF_ONE_PATH = "/v1/conversations/{csid}/activitylog"
_PAGE_LIMIT = "10000"
"""The most entries that Dixa puts on a page."""
_SECOND = 1000
_KEYS = key_decoder("activityTimestamp", {"id": str}, parse_record_time)
_SKIPPED = "%s: the log entries of %d anonymized conversations (such as %d) are not refreshed: %s"
_STATE_FREQUENCY = 10
"""After how many conversations whose entries were emitted again the state is written."""
_MOST_OTHERS = 10
"""How many other logs are requested at most, to find out whether Dixa sends any."""


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
        return Spool(as_array(self.entries(window, retries)), window, _KEYS)

    def entries(self, window: Window, retries: Retries) -> Iterator[msgspec.Raw]:
        """Request the entries of a window, and some from shortly before and after it."""
        # Whole seconds, as Dixa wants them; the window itself decides what is kept.
        interval = {
            "fromDatetime": _whole_seconds(window.after // _SECOND),
            "toDatetime": _whole_seconds(-(-window.before // _SECOND)),
        }
        return self.list.rows_with(retries, self.list.request.with_query(interval))


class EntrySearch:
    """Searches for entries about anonymized conversations.

    The log itself has no filter but time: it would take all pages since the oldest of the
    conversations was created, up to 20 MB each. Dixa sends all entries about one conversation at
    once, so this takes a request for each.

    A conversation whose log Dixa refuses, with a 404 or an empty log too, is passed by only if it
    sends the log of another one: otherwise the address may be wrong, or the token without access.
    """

    def __init__(self, reader: WindowReader, conversations: ExportSource) -> None:
        self.refreshed = 0
        """How many conversations were refreshed in this run."""
        self._reader = reader
        self._conversations = WindowReader(conversations.client, conversations.download)

    def reread(self, bookmark: RefreshBookmark, erased: Window, records: Window) -> Iterator[Batch]:
        """Emit again the entries of a time range that were erased in a window."""
        client = self._reader.client
        logs = ListSource(client, Request(_LOG_OF_ONE_PATH), is_raw=True)
        source = ChildrenSource(logs, "csid", arrange=_not_empty)
        updated = self._conversations.decoded
        anonymized = (each for each in updated(erased, CONVERSATION) if each.is_anonymized)
        others = (each.id for each in updated(erased, CONVERSATION) if not each.is_anonymized)
        refusals = Refusals(source, islice(others, _MOST_OTHERS))
        skipped: Skipped = {}
        ahead = client.run.settings.parallel_downloads
        requested = prefetch(source.request, anonymized, ahead=ahead)
        try:
            for count, (conversation, entries) in enumerate(requested, 1):
                skipped |= refusals.add(conversation.id, entries.error)
                if entries.rows:
                    self.refreshed += 1
                    spool = self._spool(entries.rows, conversation.id, records)
                    for rows, _ in grouped(self._reader.records(spool)):
                        yield Batch(rows, records)
                # One that is out of place does not move the bookmark.
                inside = erased.start <= conversation.updated_at < erased.end
                if count % _STATE_FREQUENCY == 0 and inside and not refusals.pending:
                    reached = replace(bookmark, conversations=conversation.updated_at)
                    yield Batch([], erased, reached.done())
            skipped |= refusals.settle()
        finally:
            if skipped:
                csid, reason = next(iter(skipped.items()))
                client.warn(_SKIPPED, client.stream, len(skipped), csid, reason)

    def _spool(self, entries: list[msgspec.Raw], csid: int, window: Window) -> Spool:
        """Keep the entries of a window, in order. Earlier ones were never synced."""
        try:
            return Spool(as_array(entries), replace(window, earliest=EARLIEST), _KEYS)
        except UnusableRecordError as error:
            stream = self._reader.client.stream
            raise UnusableRecordError(f"{stream}: conversation {csid}: {error}") from None


def _not_empty(entries: Iterator[Any]) -> Iterator[Any]:
    """Take an empty log for a refusal: each conversation has the entry of its creation."""
    first = next(entries, None)
    if first is None:
        raise NotFoundError("Dixa returned no activity log")
    yield first
    yield from entries


def _whole_seconds(seconds: int) -> str:
    return to_rfc3339(seconds * _SECOND).replace(".000Z", "Z")

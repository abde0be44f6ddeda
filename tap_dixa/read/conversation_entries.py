"""The refresh of ``activity_logs``: the logs of single conversations."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from tap_dixa.download.prefetch import prefetch
from tap_dixa.download.windows import Window
from tap_dixa.errors import NotFoundError, RefusedError, RetriesExhaustedError, UnusableRecordError
from tap_dixa.http.client import Request
from tap_dixa.read.activity_log import spool_entries
from tap_dixa.read.batches import grouped
from tap_dixa.read.lists import ListSource, as_array
from tap_dixa.read.refresh import RefreshBookmark, Refreshed
from tap_dixa.read.refusals import Refusals
from tap_dixa.timestamps import EARLIEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_dixa.download.spool import Spool
    from tap_dixa.read.erased_conversations import Conversation, ErasedConversations
    from tap_dixa.read.window_reader import WindowReader

_PATH = "/v1/conversations/{csid}/activitylog"
_STATE_FREQUENCY = 10
"""After how many conversations whose entries were emitted again the state is written."""
_MOST_OTHERS = 10
"""How many other logs are requested at most, to find out whether Dixa sends any."""


class _Download(NamedTuple):
    """The entries about a conversation."""

    entries: Spool
    refused: RefusedError | None
    """Why there are none."""

    def close(self) -> None:
        """Free the disk space."""
        self.entries.close()


class EntrySearch:
    """Searches for entries about anonymized conversations.

    The log itself has no filter but time: it would take all pages since the oldest of the
    conversations was created, up to 20 MB each. Dixa sends all entries about one conversation at
    once, so this takes a request for each.

    A conversation whose log Dixa refuses, with a 404 or an empty log too, is passed by only if it
    sends the log of another one: otherwise the address may be wrong, or the token without access.

    Args:
        reader: Reads the log.
        conversations: Reads the conversations that its entries are about.
    """

    def __init__(self, reader: WindowReader, conversations: ErasedConversations) -> None:
        self.conversations: set[int] = set()
        """The conversations that were refreshed in this run."""
        self._reader = reader
        self._conversations = conversations
        self._source = ListSource(reader.client, Request(_PATH), is_raw=True)

    def reread(self, erased: Window, records: Window) -> Iterator[Refreshed]:
        """Search, and read again: see `Search`."""

        def download(conversation: Conversation) -> _Download:
            try:
                return self._download(conversation.id, records)
            except (RetriesExhaustedError, UnusableRecordError) as error:
                stream = self._reader.client.stream
                message = f"{stream}: conversation {conversation.id}: {error}"
                raise type(error)(message) from None

        refusals = Refusals(self._refusal, self._others(erased))
        anonymized = (each for each in self._conversations.updated(erased) if each.is_anonymized)
        ahead = self._reader.client.run.settings.parallel_downloads
        try:
            for count, (conversation, (entries, refused)) in enumerate(
                prefetch(download, anonymized, ahead=ahead), 1
            ):
                refusals.add(conversation.id, refused)
                if refused is None:
                    self.conversations.add(conversation.id)
                for rows, _ in grouped(self._reader.records(entries)):
                    yield Refreshed(rows, entries.window, None)
                # One that Dixa sent from elsewhere does not move the bookmark.
                inside = erased.start <= conversation.updated_at < erased.end
                if count % _STATE_FREQUENCY == 0 and inside and not refusals.pending:
                    yield Refreshed([], erased, RefreshBookmark(conversation.updated_at))
            refusals.settle()
        finally:
            self._warn(refusals.take_skipped())

    def _others(self, window: Window) -> Iterator[int]:
        """Yield some conversations that were not anonymized, and so should have a log."""
        updated = self._conversations.updated(window)
        yield from islice((each.id for each in updated if not each.is_anonymized), _MOST_OTHERS)

    def _refusal(self, csid: int) -> RefusedError | None:
        with closing(self._download(csid, Window(0, 0))) as download:
            return download.refused

    def _download(self, csid: int, window: Window) -> _Download:
        """Download the log of a conversation, and keep the entries of a window."""
        entries, refused = [], None
        try:
            entries = list(self._source.rows(replace(self._source.request, ids={"csid": csid})))
        except NotFoundError:
            pass  # the same as an empty log: each conversation has the entry of its creation
        except RefusedError as error:
            refused = error
        if not entries and refused is None:
            refused = NotFoundError("Dixa returned no activity log")
        # Whatever lies before the window was never synced, or is refreshed.
        body = self._reader.client.traffic.count(as_array(entries))
        return _Download(spool_entries(body, replace(window, earliest=EARLIEST)), refused)

    def _warn(self, skipped: Mapping[int, RefusedError]) -> None:
        for csid, reason in islice(skipped.items(), 1):
            self._reader.client.warn(
                "%s: the log entries of %d anonymized conversations (such as %d) are not "
                "refreshed: %s",
                self._reader.client.stream,
                len(skipped),
                csid,
                reason,
            )

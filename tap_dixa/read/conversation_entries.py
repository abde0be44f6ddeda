"""The refresh of ``activity_logs``: the logs of single conversations."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_dixa.errors import NotFoundError, UnusableRecordError
from tap_dixa.http.client import Request
from tap_dixa.read.activity_log import spool_entries
from tap_dixa.read.batches import grouped
from tap_dixa.read.children import ChildrenSource, Refusals
from tap_dixa.read.lists import ListSource, as_array
from tap_dixa.read.refresh import RefreshBookmark, Refreshed
from tap_dixa.timestamps import EARLIEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    import msgspec

    from tap_dixa.download.spool import Spool
    from tap_dixa.download.windows import Window
    from tap_dixa.http.client import Client
    from tap_dixa.read.children import Skipped
    from tap_dixa.read.erased_conversations import Conversation, ErasedConversations
    from tap_dixa.read.window_reader import WindowReader

_PATH = "/v1/conversations/{csid}/activitylog"
_STATE_FREQUENCY = 10
"""After how many conversations whose entries were emitted again the state is written."""
_MOST_OTHERS = 10
"""How many other logs are requested at most, to find out whether Dixa sends any."""


class _LogsSource(ChildrenSource):
    """Requests the logs of conversations. An empty one is refused, as one that is not there."""

    def __init__(self, client: Client) -> None:
        source = ListSource(client, Request(_PATH), is_raw=True)
        super().__init__(source, "csid", arrange=_not_empty)
        self.skipped: Skipped = {}

    @override
    def log_skipped(self, skipped: Skipped) -> None:
        self.skipped |= skipped  # to be counted in one warning


class EntrySearch:
    """Searches for entries about anonymized conversations.

    The log itself has no filter but time: it would take all pages since the oldest of the
    conversations was created, up to 20 MB each. Dixa sends all entries about one conversation at
    once, so this takes a request for each.

    A conversation whose log Dixa refuses, with a 404 or an empty log too, is passed by only if it
    sends the log of another one: otherwise the address may be wrong, or the token without access.
    """

    def __init__(self, reader: WindowReader, conversations: ErasedConversations) -> None:
        self.refreshed = 0
        """How many conversations were refreshed in this run."""
        self._reader = reader
        self._conversations = conversations

    def reread(self, erased: Window, records: Window) -> Iterator[Refreshed]:
        """Search, and read again: see `Search`."""
        source = _LogsSource(self._reader.client)
        refusals = Refusals(source, self._others(erased))
        anonymized = (each for each in self._conversations.updated(erased) if each.is_anonymized)
        try:
            for count, (conversation, entries) in enumerate(source.of(anonymized, refusals), 1):
                if entries:
                    self.refreshed += 1
                    spool = self._spool(entries, conversation, records)
                    for rows, _ in grouped(self._reader.records(spool)):
                        yield Refreshed(rows, records, None)
                # One that is out of place does not move the bookmark.
                inside = erased.start <= conversation.updated_at < erased.end
                if count % _STATE_FREQUENCY == 0 and inside and not refusals.pending:
                    yield Refreshed([], erased, RefreshBookmark(conversation.updated_at))
        finally:
            self._warn(source.skipped)

    def _others(self, window: Window) -> Iterator[int]:
        """Yield some conversations that were not anonymized, and so should have a log."""
        updated = self._conversations.updated(window)
        yield from islice((each.id for each in updated if not each.is_anonymized), _MOST_OTHERS)

    def _spool(
        self, entries: list[msgspec.Raw], conversation: Conversation, window: Window
    ) -> Spool:
        """Keep the entries of a window, in order. Earlier ones were never synced."""
        try:
            return spool_entries(as_array(entries), replace(window, earliest=EARLIEST))
        except UnusableRecordError as error:
            stream = self._reader.client.stream
            message = f"{stream}: conversation {conversation.id}: {error}"
            raise UnusableRecordError(message) from None

    def _warn(self, skipped: Skipped) -> None:
        for csid, reason in islice(skipped.items(), 1):
            self._reader.client.warn(
                "%s: the log entries of %d anonymized conversations (such as %d) are not "
                "refreshed: %s",
                self._reader.client.stream,
                len(skipped),
                csid,
                reason,
            )


def _not_empty(entries: Iterator[Any]) -> Iterator[Any]:
    """Take an empty log for a refusal: each conversation has the entry of its creation."""
    first = next(entries, None)
    if first is None:
        raise NotFoundError("Dixa returned no activity log")
    yield first
    yield from entries

"""The activity log of single conversations, and its refresh."""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import msgspec
from typing_extensions import override

from tap_dixa.download.prefetch import prefetch
from tap_dixa.download.spool import Spool, key_decoder
from tap_dixa.download.windows import Window
from tap_dixa.errors import NotFoundError, RefusedError, RetriesExhaustedError, UnusableRecordError
from tap_dixa.streams.dixa_api import DixaApiStream, as_array
from tap_dixa.streams.erased_conversations import ErasedConversations
from tap_dixa.streams.refresh import Refresh, RefreshBookmark, Refreshed
from tap_dixa.streams.refusals import Refusals
from tap_dixa.timestamps import EARLIEST, parse_record_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_dixa.output.compiled import Encodable
    from tap_dixa.streams.erased_conversations import Conversation
    from tap_dixa.streams.windowed import WindowedStream

_STATE_FREQUENCY = 10
"""After how many conversations whose entries were emitted again the state is written."""
_MOST_OTHERS = 10
"""How many other logs are requested at most, to find out whether Dixa sends any."""
_KEYS = key_decoder("activityTimestamp", {"id": str}, str)


class ConversationEntries(DixaApiStream):
    """Reads all entries about one conversation, which Dixa sends at once. Not a stream of its own.

    The log itself has no filter but time: it would take all pages since the oldest of the
    conversations was created, up to 20 MB each. This takes a request for each conversation.
    """

    name = "activity_logs"
    path = "/v1/conversations/{csid}/activitylog"
    primary_keys = ("id",)
    row_type: ClassVar = msgspec.Raw


class _Download(NamedTuple):
    """The entries about a conversation."""

    entries: Spool
    refused: RefusedError | None
    """Why there are none."""

    def close(self) -> None:
        """Free the disk space."""
        self.entries.close()


class EntryRefresh(Refresh):
    """Emits the entries about anonymized conversations again.

    A conversation whose log Dixa refuses, with a 404 or an empty log too, is passed by only if it
    sends the log of another one: otherwise the address may be wrong, or the token without access.
    """

    def __init__(self, stream: WindowedStream, convert: Callable[[bytes], Encodable]) -> None:
        super().__init__(stream, convert)
        self._conversations = stream.another(ErasedConversations)
        self._entries = stream.another(ConversationEntries)

    @override
    def reread(self, erased: Window, records: Window) -> Iterator[Refreshed]:
        def fetch(conversation: Conversation) -> _Download:
            try:
                return self._download(conversation.id, records)
            except (RetriesExhaustedError, UnusableRecordError) as error:
                message = f"{self.stream.name}: conversation {conversation.id}: {error}"
                raise type(error)(message) from None

        refusals = Refusals(self._refusal, self._others(erased))
        anonymized = (each for each in self._conversations.updated(erased) if each.is_anonymized)
        downloads = prefetch(fetch, anonymized, ahead=self.stream.settings.parallel_downloads)
        try:
            for count, (conversation, (entries, refused)) in enumerate(downloads, 1):
                refusals.add(conversation.id, refused)
                if refused is None:
                    self.conversations.add(conversation.id)
                # One that Dixa sent from elsewhere does not move the bookmark.
                inside = erased.start <= conversation.updated_at < erased.end
                is_safe = count % _STATE_FREQUENCY == 0 and inside and not refusals.pending
                bookmark = RefreshBookmark(conversation.updated_at) if is_safe else None
                yield Refreshed(self.stream.emit(entries, self.convert), bookmark)
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
            entries = list(self._entries.request_records({"csid": csid}))
        except NotFoundError:
            pass  # the same as an empty log: each conversation has the entry of its creation
        except RefusedError as error:
            refused = error
        if not entries and refused is None:
            refused = NotFoundError("Dixa returned no activity log")
        # Whatever lies before the window was never synced, or is refreshed.
        body = self.stream.traffic.count(as_array(entries))
        return _Download(spool_entries(body, replace(window, earliest=EARLIEST)), refused)

    def _warn(self, skipped: Mapping[int, RefusedError]) -> None:
        for csid, reason in islice(skipped.items(), 1):
            self.stream.log(
                "%s: the log entries of %d anonymized conversations (such as %d) are not "
                "refreshed: %s",
                self.stream.name,
                len(skipped),
                csid,
                reason,
                level=logging.WARNING,
            )


def spool_entries(body: Iterable[bytes], window: Window) -> Spool:
    """Keep entries of the activity log on disk, in order.

    Args:
        body: An array of them.
        window: Those of other times are dropped.

    Raises:
        DiskError: They could not be written.
        UnusableRecordError: An entry has no usable id or time.
    """
    return Spool(body, window, _KEYS, parse_record_time)

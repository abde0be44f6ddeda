"""The activity log of one conversation after the other, and those that are emitted again."""

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
from tap_dixa.streams.refresh import Refresh, RefreshBookmark
from tap_dixa.timestamps import EARLIEST, parse_record_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_dixa.output.normalize_raw import Encodable
    from tap_dixa.streams.erased_conversations import Conversation
    from tap_dixa.streams.refresh import Refreshed
    from tap_dixa.streams.windowed import WindowedStream

_STATE_FREQUENCY = 10
"""After how many conversations whose entries were emitted again the state is written."""
_MOST_REFUSED = 10
"""So many refusals in a row may have another cause than their conversations."""
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

    What Dixa does not send of a conversation, for whatever reason, is passed by once it has sent
    the log of another one: until then, the address may be wrong, or the token without access.
    """

    def __init__(self, stream: WindowedStream, convert: Callable[[bytes], Encodable]) -> None:
        super().__init__(stream, convert)
        self._conversations = stream.another(ErasedConversations)
        self._entries = stream.another(ConversationEntries)
        self._control: int | None = None
        """The last conversation whose log Dixa has sent, or before, one that should have a log."""
        self._refused: dict[int, RefusedError] = {}
        """The conversations whose log Dixa has refused since, and why."""
        self._skipped: dict[int, RefusedError] = {}
        """Those that are passed by."""

    @override
    def reread(self, erased: Window, records: Window) -> Iterator[Refreshed]:
        def fetch(conversation: Conversation) -> _Download:
            try:
                return self._download(conversation.id, records)
            except (RetriesExhaustedError, UnusableRecordError) as error:
                message = f"{self.stream.name}: conversation {conversation.id}: {error}"
                raise type(error)(message) from None

        conversations, ahead = self._anonymized(erased), self.stream.settings.parallel_downloads
        downloads = prefetch(fetch, conversations, ahead=ahead)
        try:
            for count, (conversation, (entries, refused)) in enumerate(downloads, 1):
                self._note(conversation.id, refused)
                # One that Dixa sent from elsewhere does not move the bookmark.
                inside = erased.start <= conversation.updated_at < erased.end
                is_safe = count % _STATE_FREQUENCY == 0 and inside and not self._refused
                reached = RefreshBookmark(conversation.updated_at) if is_safe else None
                yield self.stream.emit(entries, self.convert), reached
            self._settle()
        finally:
            self._warn()

    def _anonymized(self, window: Window) -> Iterator[Conversation]:
        for conversation in self._conversations.updated(window):
            if conversation.is_anonymized:
                yield conversation
            elif not self.conversations:
                self._control = conversation.id

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

    def _note(self, csid: int, refused: RefusedError | None) -> None:
        if refused is None:
            self._control = csid
            self.conversations.add(csid)
            self._skip_refused()
        else:
            self._refused[csid] = refused
            # Without another conversation to ask for, a later one may still be sent.
            if len(self._refused) >= _MOST_REFUSED and self._control is not None:
                self._settle()

    def _settle(self) -> None:
        """Pass by what Dixa has refused, if it sends the log of another conversation now.

        Raises:
            RefusedError: It does not. This is the first refusal.
        """
        for error in islice(self._refused.values(), 1):
            if self._control is None:
                raise error
            with closing(self._download(self._control, Window(0, 0))) as control:
                if control.refused is not None:
                    raise error
        self._skip_refused()

    def _skip_refused(self) -> None:
        self._skipped |= self._refused
        self._refused.clear()

    def _warn(self) -> None:
        for csid, reason in islice(self._skipped.items(), 1):
            self.stream.log(
                "%s: the log entries of %d anonymized conversations (such as %d) are not "
                "refreshed: %s",
                self.stream.name,
                len(self._skipped),
                csid,
                reason,
                level=logging.WARNING,
            )
        self._skipped.clear()


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

"""The refresh of ``messages``: those of anonymized conversations, and those redacted one by one.

The one trace of the latter that Dixa documents is an entry of the activity log. It does not say
when the message was created: the export of its conversation does, roughly.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import msgspec

from tap_dixa.download.spool import Spool
from tap_dixa.download.windows import Window, cover
from tap_dixa.errors import ForbiddenError, NotFoundError, RefusedError
from tap_dixa.http.retries import ATTEMPTS_BEFORE_LESS, RETRIABLE, Retries
from tap_dixa.read.activity_log import ActivityLogSource
from tap_dixa.read.batches import Batch, decode_row, grouped
from tap_dixa.read.exports import CONVERSATION, Conversation, ExportSource
from tap_dixa.read.lists import as_array
from tap_dixa.read.refresh import RefreshBookmark
from tap_dixa.read.window_reader import WindowReader
from tap_dixa.records.conversions import TYPES
from tap_dixa.records.json_numbers import decode
from tap_dixa.timestamps import EARLIEST, LATEST

_UNDATED = (
    "%s: cannot determine when the messages of %d anonymized or redacted conversations (such as "
    "%d) were created: searching the whole synced time range"
)
_NO_ACCESS = "%s: messages that were redacted one by one are not refreshed: %s"
_NO_ID = "%s: %d redacted messages have no usable conversationId and are not refreshed"
_MOST_IDS = 100
"""How many conversations are requested by their ids at once: an address of 1.2 kB."""
_TYPE = b'"ConversationMessageRedacted'
_NULL = msgspec.Raw(b"null")


class _Entry(msgspec.Struct):
    """An entry of the log, whatever Dixa sends."""

    conversation: msgspec.Raw = msgspec.field(default=_NULL, name="conversationId")
    type: msgspec.Raw = msgspec.field(default=_NULL, name="_type")
    older_type: msgspec.Raw = msgspec.field(default=_NULL, name="activityType")


class _Redaction(msgspec.Struct):
    """What is kept of such an entry. A spool takes its cursor for a time."""

    cursor: int
    conversation: int


class _Message(msgspec.Struct):
    csid: msgspec.Raw = _NULL


_REDACTION = msgspec.json.Decoder(_Redaction)
_MESSAGE = msgspec.json.Decoder(_Message)


class RedactedMessages:
    """Searches the activity log for the redacted messages that a stream has to read again."""

    def __init__(self, source: ActivityLogSource, stream: str) -> None:
        self._source = source
        self._stream = stream
        self._reader = WindowReader(source.client, self._download)
        self._has_access = True

    def conversation_ids(self, window: Window) -> set[int]:
        """Search for the conversations of messages that were redacted in a window.

        A token that may not read the log finds none, with a warning.
        """
        if not self._has_access:
            return set()
        try:
            return {found.conversation for found in self._reader.decoded(window, _REDACTION)}
        except (ForbiddenError, NotFoundError) as error:
            if self._source.list.answered:
                raise  # the token had access: what follows would be missing silently
            self._has_access = False
            self._source.client.warn(_NO_ACCESS, self._stream, error)
            return set()

    def _download(self, window: Window, retries: Retries) -> Spool:
        # Filtered as the pages come: of a page of 20 MB, nothing is left in most runs.
        return Spool(as_array(self._redactions(window, retries)), window, _REDACTION)

    def _redactions(self, window: Window, retries: Retries) -> Iterator[bytes]:
        lost, client = 0, self._source.client
        for raw in self._source.entries(window, retries):
            try:
                entry = msgspec.json.decode(raw, type=_Entry)
            except msgspec.DecodeError:
                continue  # it is no object, so it is of no type
            if not any(bytes(name).startswith(_TYPE) for name in (entry.type, entry.older_type)):
                continue
            conversation = _conversation_id(entry.conversation)
            if conversation is None:
                lost += 1
            else:
                # The entry's own time may be unusable.
                yield msgspec.json.encode(_Redaction(window.start, conversation))
        if lost:
            client.warn(_NO_ID, client.stream, lost)


class MessageSearch:
    """Searches for messages of anonymized conversations, and for redacted messages.

    Each stream has its own search: it is one request in most runs, and the streams can be selected
    apart.
    """

    def __init__(
        self, reader: WindowReader, conversations: ExportSource, redacted: RedactedMessages
    ) -> None:
        self.refreshed = 0
        """How many conversations were refreshed in this run."""
        self._reader = reader
        self._source = conversations
        self._conversations = WindowReader(conversations.client, conversations.download)
        self._redacted = redacted

    def reread(self, bookmark: RefreshBookmark, erased: Window, records: Window) -> Iterator[Batch]:
        """Emit again the messages of a time range in which something was erased in a window."""
        client = self._reader.client
        ids: set[int] = set()
        spans: list[tuple[int, int]] = []
        undated: list[int] = []
        for csid, span in self._erased(erased).items():
            if span is None:
                undated.append(csid)
            first, last = span or (EARLIEST, LATEST)
            start, end = max(first, records.start), min(last, records.end)
            if start < end:
                ids.add(csid)
                spans.append((start, end))
        if undated:
            client.warn(_UNDATED, client.stream, len(undated), undated[0])
        self.refreshed += len(ids)

        def is_erased(message: bytes) -> bool:
            return _conversation_id(_MESSAGE.decode(message).csid) in ids

        for spool in self._reader.spools(cover(spans, client.run.settings.window_days)):
            messages = self._reader.records(spool)
            window = spool.window
            found = (
                each for each in messages if decode_row(is_erased, each[1], client.stream, window)
            )
            for rows, _ in grouped(found):
                yield Batch(rows, window)
            done = replace(bookmark, step=erased.end, messages=window.end).done()
            yield Batch([], window, done)

    def _erased(self, window: Window) -> dict[int, tuple[int, int] | None]:
        """Search for conversations that something was erased in, and when their messages were."""
        updated = self._conversations.decoded(window, CONVERSATION)
        spans = {each.id: each.message_times() for each in updated if each.is_anonymized}
        redacted = self._redacted.conversation_ids(window) - spans.keys()
        spans |= dict.fromkeys(redacted)  # for those that Dixa does not send
        for each in self._with_ids(redacted):
            if each.id in redacted:
                spans[each.id] = each.message_times()
        return spans

    def _with_ids(self, ids: set[int]) -> Iterator[Conversation]:
        """Yield conversations by their ids, as many at once as Dixa accepts.

        If it does not even send a single one, no more are requested: all messages have to be
        searched anyway.
        """
        left, most = sorted(ids), _MOST_IDS
        retries = self._source.client.retries()
        retries.attempts_before_less = ATTEMPTS_BEFORE_LESS
        while left and most:
            try:
                spool = self._source.by_ids(left[:most], retries)
            except (RefusedError, *RETRIABLE):
                most = min(most, len(left)) // 2
                continue
            with closing(spool):
                yield from (CONVERSATION.decode(text) for _, text in spool.records())
            left = left[most:]


def _conversation_id(raw: msgspec.Raw) -> int | None:
    """Read a conversation's id, as records have it; None if it is none."""
    try:
        number: int = TYPES["integer"].convert(decode(raw))
    except (ValueError, RecursionError):
        return None
    return number

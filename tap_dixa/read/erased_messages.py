"""The refresh of ``messages``: those of anonymized conversations, and those redacted one by one.

The one trace of the latter that Dixa documents is an entry of the activity log. It does not say
when the message was created: the export of its conversation does, roughly.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import msgspec

from tap_dixa.download.spool import Spool
from tap_dixa.download.windows import Window
from tap_dixa.errors import ForbiddenError, NotFoundError, RefusedError
from tap_dixa.http.retries import ATTEMPTS_BEFORE_LESS, RETRIABLE, Retries
from tap_dixa.read.activity_log import ActivityLogSource
from tap_dixa.read.batches import Batch, Done
from tap_dixa.read.conversation_messages import ConversationMessages, conversation_id
from tap_dixa.read.exports import CONVERSATION, ExportSource
from tap_dixa.read.lists import as_array
from tap_dixa.read.refresh import RefreshBookmark
from tap_dixa.read.window_reader import WindowReader

_NO_ACCESS = "%s: messages that were redacted one by one are not refreshed: %s"
_NO_ID = "%s: %d redacted messages have no usable conversationId and are not refreshed"
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


_REDACTION = msgspec.json.Decoder(_Redaction)


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
            conversation = conversation_id(entry.conversation)
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
        self._messages = ConversationMessages(reader)
        self._source = conversations
        self._conversations = WindowReader(conversations.client, conversations.download)
        self._redacted = redacted

    def reread(self, bookmark: RefreshBookmark, erased: Window, records: Window) -> Iterator[Batch]:
        """Emit again the messages of a time range in which something was erased in a window."""
        spans = self._messages.spans(self._erased(erased), records, records)
        self.refreshed += len(spans)
        for window, rows in self._messages.rows(spans):
            read = replace(bookmark, step=erased.end, messages=window.end)
            yield Batch(rows, window, Done() if rows else read.done())

    def _erased(self, window: Window) -> dict[int, tuple[int, int] | None]:
        """Search for conversations that something was erased in, and when their messages were."""
        updated = self._conversations.decoded(window, CONVERSATION)
        spans = {each.id: each.message_times() for each in updated if each.is_anonymized}
        redacted = self._redacted.conversation_ids(window) - spans.keys()
        spans |= dict.fromkeys(redacted)  # for those that Dixa does not send
        retries = self._source.client.retries()
        retries.attempts_before_less = ATTEMPTS_BEFORE_LESS
        # If it does not even send a single one, all messages have to be searched anyway.
        with suppress(RefusedError, *RETRIABLE):
            for spool in self._source.by_ids(sorted(redacted), retries):
                for each in (CONVERSATION.decode(text) for _, text in spool.records()):
                    if each.id in redacted:
                        spans[each.id] = each.message_times()
        return spans

"""A run that asks for some conversations by their ids, and for their messages.

It moves no bookmark: what it reads says nothing about other conversations.
"""

from collections.abc import Collection, Iterator

from tap_dixa.download.spool import Spool
from tap_dixa.download.windows import MARGIN, Window
from tap_dixa.http.retries import RETRIABLE
from tap_dixa.read.batches import Batch, decode_row, grouped
from tap_dixa.read.conversation_messages import ConversationMessages
from tap_dixa.read.exports import CONVERSATION, ExportSource
from tap_dixa.read.window_reader import WindowReader
from tap_dixa.timestamps import EARLIEST

_SETTING = "conversation_ids"
_CAME = "%s: Dixa sent %d of the %d conversations in conversation_ids: %s"
_OLDER = (
    "%s: %d conversations are from before start_date: what Dixa erases of them later stays in the "
    "warehouse, unless you set an earlier start_date, or ask for them again: %s"
)
_MISSING = "%s: Dixa does not have %d of the %d conversations in conversation_ids: %s"


class AskedConversationsReader:
    """Reads the conversations that the setting names, and notes in the run what came."""

    def __init__(self, source: ExportSource) -> None:
        self.begun = False
        """Whether Dixa has sent any, or said that it has none."""
        self._client = source.client
        self._source = source
        self._reader = WindowReader(source.client, source.download)

    def batches(self) -> Iterator[Batch]:
        """Yield the conversations, and say which ones came and which ones Dixa does not have."""
        client, retries = self._client, self._client.retries()
        wanted = dict.fromkeys(client.run.settings.conversation_ids or ())
        times: dict[int, tuple[int, int] | None] = {}
        try:
            for spool in self._source.by_ids(wanted, retries):
                self.begun = True
                for rows, _ in grouped(self._asked(spool, wanted, times)):
                    yield Batch(rows, _SETTING)
        except RETRIABLE as error:
            what = f"{client.stream}: {_SETTING} could not be downloaded"
            raise retries.exhausted(error, what) from error
        client.run.asked = times
        came = [csid for csid in wanted if csid in times]
        client.log(_CAME, client.stream, len(came), len(wanted), came)
        start = client.run.settings.start_date
        if older := [csid for csid in came if (span := times[csid]) and span[0] < start]:
            client.warn(_OLDER, client.stream, len(older), older)
        if missing := [csid for csid in wanted if csid not in times]:
            client.warn(_MISSING, client.stream, len(missing), len(wanted), missing)

    def _asked(
        self, spool: Spool, wanted: Collection[int], times: dict[int, tuple[int, int] | None]
    ) -> Iterator[tuple[int, bytes]]:
        for time, text in self._reader.records(spool):
            found = decode_row(CONVERSATION.decode, text, self._client.stream, _SETTING)
            if found.id in wanted:
                times[found.id] = found.message_times()
                yield time, text


class AskedMessagesReader:
    """Reads the messages of these conversations, whenever they were created.

    Args:
        reader: Reads messages.
        conversations: Reads the conversations, if the run has not: their stream is not selected,
            or has failed.
    """

    def __init__(self, reader: WindowReader, conversations: AskedConversationsReader) -> None:
        self._reader = reader
        self._conversations = conversations

    @property
    def begun(self) -> bool:
        """Whether Dixa has sent a window of messages."""
        return self._reader.begun

    def batches(self) -> Iterator[Batch]:
        """Yield the messages, window by window."""
        run = self._reader.client.run
        if run.asked is None:
            for _ in self._conversations.batches():
                pass  # it notes what came
        end, messages = run.start - MARGIN, ConversationMessages(self._reader)
        synced, whenever = Window(run.settings.start_date, end), Window(EARLIEST, end)
        for window, rows in messages.rows(messages.spans(run.asked or {}, synced, whenever)):
            yield Batch(rows, window)

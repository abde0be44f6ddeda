"""The messages of some conversations, among all that were created in their times.

Dixa exports messages by the time they were created, and not by their conversation.
"""

from collections.abc import Iterator, Mapping

import msgspec

from tap_dixa.download.windows import Window, cover
from tap_dixa.read.batches import decode_row, grouped
from tap_dixa.read.window_reader import WindowReader
from tap_dixa.records.conversions import TYPES
from tap_dixa.records.json_numbers import decode

_UNDATED = (
    "%s: cannot determine when the messages of %d conversations (such as %d) were created: "
    "searching the whole synced time range"
)


class _Message(msgspec.Struct):
    csid: msgspec.Raw = msgspec.Raw(b"null")


_MESSAGE = msgspec.json.Decoder(_Message)


class ConversationMessages:
    """Reads the messages of some conversations, in as few windows as can be.

    Args:
        reader: Reads messages.
    """

    def __init__(self, reader: WindowReader) -> None:
        self._reader = reader

    def spans(
        self, times: Mapping[int, tuple[int, int] | None], synced: Window, bounds: Window
    ) -> dict[int, tuple[int, int]]:
        """Decide from when to when the messages of each conversation are searched, in Unix ms.

        Args:
            times: When they were created, by the conversation's id; None if that is not known.
            synced: Where those are searched of which it is not known, with a warning.
            bounds: What lies outside is not searched.
        """
        client, undated = self._reader.client, [csid for csid, span in times.items() if not span]
        if undated:
            client.warn(_UNDATED, client.stream, len(undated), undated[0])
        spans = {}
        for csid, span in times.items():
            first, last = span or (synced.start, synced.end)
            start, end = max(first, bounds.start), min(last, bounds.end)
            if start < end:
                spans[csid] = start, end
        return spans

    def rows(self, spans: Mapping[int, tuple[int, int]]) -> Iterator[tuple[Window, list[bytes]]]:
        """Yield the messages with their window: no messages are the end of it."""
        client = self._reader.client

        def is_wanted(message: bytes) -> bool:
            return conversation_id(_MESSAGE.decode(message).csid) in spans

        for spool in self._reader.spools(cover(spans.values(), client.run.settings.window_days)):
            window = spool.window
            found = (
                each
                for each in self._reader.records(spool)
                if decode_row(is_wanted, each[1], client.stream, window)
            )
            for rows, _ in grouped(found):
                yield window, rows
            yield window, []


def conversation_id(raw: msgspec.Raw) -> int | None:
    """Read a conversation's id, as records have it; None if it is none."""
    try:
        number: int = TYPES["integer"].convert(decode(raw))
    except (ValueError, RecursionError):
        return None
    return number

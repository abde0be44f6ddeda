"""Write Singer messages to standard output, many at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecWriter
from typing_extensions import override

from tap_dixa.outlet import Outlet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from singer_sdk.singerlib.messages import Message

    from tap_dixa.drafts import Draft

_ENCODER = msgspec.json.Encoder()


class _Record(msgspec.Struct, tag_field="type", tag="RECORD"):
    """A RECORD message, as the SDK writes it."""

    stream: str
    record: Draft
    time_extracted: datetime


class MessageWriter(MsgSpecWriter):
    """The SDK's msgspec writer, with an outlet that a signal can interrupt.

    Nothing is held back: what was written has left, so that a state may speak of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._outlet = Outlet()
        self._ending = False

    @override
    def write_message(self, message: Message) -> None:
        # A copy: the SDK uses one buffer for all messages, and a signal may need it meanwhile.
        self._outlet.write(bytes(self.format_message(message)), last=self._ending)

    def write_records(self, stream: str, records: Iterable[Draft]) -> None:
        """Write a RECORD message for each record.

        Args:
            stream: The stream they belong to.
            records: Drafts of them: nothing more is done to them.
        """
        now = datetime.now(UTC)
        lines = _ENCODER.encode_lines([_Record(stream, record, now) for record in records])
        self._outlet.write(lines)

    def interrupt(self, last_words: Callable[[], None]) -> None:
        """End the run from within a signal's handler: now, or when the line at hand is whole.

        Args:
            last_words: What ends it. What it writes goes into room that is kept for it.
        """
        self._ending = True
        self._outlet.interrupt(last_words)

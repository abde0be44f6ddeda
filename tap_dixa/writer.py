"""Write Singer messages to standard output, many at a time."""

from __future__ import annotations

import atexit
import io
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib.messages import RecordMessage
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk.singerlib.messages import Message

    from tap_dixa.drafts import Draft

_BUFFER = 1 << 16
_ENCODER = msgspec.json.Encoder()


class _Record(msgspec.Struct, tag_field="type", tag="RECORD"):
    """A RECORD message, as the SDK writes it."""

    stream: str
    record: Draft
    time_extracted: datetime


def _flush(output: io.BufferedWriter) -> None:
    if not output.closed:
        with suppress(BrokenPipeError):  # the reader has gone, and the run has failed by now
            output.flush()


class MessageWriter(MsgSpecWriter):
    """The SDK's msgspec writer, without a flush for every record.

    A STATE message still leaves at once, and everything before it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._buffered: io.BufferedWriter | None = None

    @property
    def output(self) -> BinaryIO:
        """Standard output, buffered.

        With PYTHONUNBUFFERED, as most containers have it, Python's own takes every write
        straight to the kernel, and a write that a signal interrupts loses its rest.
        """
        output: object = sys.stdout.buffer
        if not isinstance(output, io.RawIOBase):
            return sys.stdout.buffer
        if self._buffered is None or self._buffered.raw is not output:
            self._buffered = io.BufferedWriter(output, _BUFFER)
            atexit.register(_flush, self._buffered)
        return self._buffered

    @override
    def write_message(self, message: Message) -> None:
        self.output.write(self.format_message(message))
        if not isinstance(message, RecordMessage):
            self.output.flush()

    def write_records(self, stream: str, records: Iterable[Draft]) -> None:
        """Write a RECORD message for each record, in one go.

        Args:
            stream: The stream they belong to.
            records: Drafts of them: nothing more is done to them.
        """
        now = datetime.now(UTC)
        self.output.write(
            _ENCODER.encode_lines([_Record(stream, record, now) for record in records])
        )

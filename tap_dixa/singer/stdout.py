"""Singer messages on standard output, in whole lines.

Standard output may be a pipe, a file, a socket or a terminal, and may block or not.
"""

import fcntl
import os
import select
import stat
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib.messages import Message, StateMessage
from typing_extensions import override

from tap_dixa.records.compiled import Encodable

_LARGEST_PIPE = 1 << 20
"""What a pipe is enlarged to for the last line, in bytes: what Linux allows to every user."""
_LONGEST_WAIT = 100
"""How long to wait in one go for a reader, in ms: not every signal ends a wait."""
_ENCODER = msgspec.json.Encoder()


class _RecordMessage(msgspec.Struct, tag_field="type", tag="RECORD"):
    """A RECORD message, as the SDK writes it."""

    stream: str
    record: Encodable
    time_extracted: datetime


class StdoutWriter(MsgSpecWriter):
    """The SDK's msgspec writer, with whole lines that a signal does not cut.

    Nothing is buffered: what was written has left, so that a state may refer to it. It waits for
    room, and no write to a pipe on Linux blocks: a signal that comes just before one would not be
    noticed until a reader that has stopped reads on. After a signal, the rest of the line follows.
    """

    def __init__(self) -> None:
        super().__init__()
        self.has_states = True
        """Whether STATE messages are written."""
        self._descriptor = -1
        self._is_writing = False
        self._last_words: Callable[[], None] | None = None
        self._end: SystemExit | None = None

    @override
    def write_message(self, message: Message) -> None:
        if self.has_states or not isinstance(message, StateMessage):
            # A copy: the SDK uses one buffer for all messages, and a signal may need it meanwhile.
            self._write(bytes(self.format_message(message)))

    def write_records(self, stream: str, records: Iterable[Encodable]) -> None:
        """Write a RECORD message for each normalized record of a stream."""
        now = datetime.now(UTC)
        lines = _ENCODER.encode_lines([_RecordMessage(stream, record, now) for record in records])
        self._write(lines)

    def interrupt(self, last_words: Callable[[], None]) -> None:
        """End the run from within a signal's handler: now, or when the current line is whole.

        The last words end it, and may write.
        """
        # Room for the rest of the line and for a last one, where the system can make it.
        with suppress(AttributeError, OSError, ValueError):
            fcntl.fcntl(self._descriptor, fcntl.F_SETPIPE_SZ, _LARGEST_PIPE)
        if self._is_writing:
            self._last_words = last_words
        else:
            self._finish(last_words)

    def _write(self, lines: bytes | bytearray) -> None:
        if self._end is not None:
            # Python drops the exception that ends a run if the signal comes while it deletes an
            # object.
            raise self._end
        try:
            descriptor = sys.stdout.fileno()
        except (AttributeError, OSError):  # something in memory, as tests have it
            sys.stdout.buffer.write(lines)
            return
        if self._descriptor < 0:
            self._descriptor = _without_blocking(descriptor)
        self._wait()
        self._is_writing = True
        try:
            self._put(lines)
        finally:
            self._is_writing = False
            if self._last_words is not None:
                self._finish(self._last_words)

    def _wait(self) -> None:
        """Wait until there is room, or the reader has ended: then the write fails."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        while not poll.poll(_LONGEST_WAIT):
            pass

    def _put(self, lines: bytes | bytearray) -> None:
        start, end = 0, len(lines)
        while start < end:
            with suppress(BlockingIOError):
                start += os.write(self._descriptor, memoryview(lines)[start:end])
            if self._last_words is not None:
                end = lines.index(b"\n", max(start - 1, 0)) + 1
            if start < end:
                self._wait()

    def _finish(self, last_words: Callable[[], None]) -> None:
        self._last_words = None
        try:
            last_words()
        except SystemExit as end:
            self._end = end
            raise


def _without_blocking(descriptor: int) -> int:
    """Open a pipe anew, so that writes to it do not block.

    Whoever else has the pipe shares the flags of its first descriptor, not those of this one. Where
    the system cannot do that (macOS), and for a socket or a terminal, writes may block.
    """
    if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        with suppress(OSError):
            return os.open(f"/dev/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK)
    return descriptor

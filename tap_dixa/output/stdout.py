"""Singer messages on standard output, in whole lines, also when a signal comes.

A write to a full pipe blocks in the middle of a line until the reader continues, and a busy
target may take minutes. So no more is written to a pipe than it has room for, in whole lines,
and some room is reserved for a last one.
"""

from __future__ import annotations

import fcntl
import mmap
import select
import stat
import sys
import termios
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from os import fstat, write
from typing import TYPE_CHECKING

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecWriter
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from singer_sdk.singerlib.messages import Message

    from tap_dixa.output.compiled import Encodable

_PIPE_SIZE = 1 << 20
"""What a pipe is enlarged to, in bytes, where the system allows it. Otherwise waiting for room
would cost time."""
_RESERVED = 1 << 14
"""How much room is reserved for the last line, in bytes."""
_PAGE = mmap.PAGESIZE
_LONGEST_WAIT = 16
"""How long to wait in one go for a reader that does not read, in ms."""
_ENCODER = msgspec.json.Encoder()


class _RecordMessage(msgspec.Struct, tag_field="type", tag="RECORD"):
    """A RECORD message, as the SDK writes it."""

    stream: str
    record: Encodable
    time_extracted: datetime


class StdoutWriter(MsgSpecWriter):
    """The SDK's msgspec writer, with whole lines that a signal does not cut.

    Nothing is buffered: what was written has left, so that a state may refer to it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._stdout = _Stdout()
        self._ending = False

    @override
    def write_message(self, message: Message) -> None:
        # A copy: the SDK uses one buffer for all messages, and a signal may need it meanwhile.
        self._stdout.write(bytes(self.format_message(message)), last=self._ending)

    def write_records(self, stream: str, records: Iterable[Encodable]) -> None:
        """Write a RECORD message for each record.

        Args:
            stream: The stream that they belong to.
            records: The records, normalized.
        """
        now = datetime.now(UTC)
        lines = _ENCODER.encode_lines([_RecordMessage(stream, record, now) for record in records])
        self._stdout.write(lines)

    def interrupt(self, last_words: Callable[[], None]) -> None:
        """End the run from within a signal's handler: now, or when the current line is whole.

        Args:
            last_words: What ends it. What it writes goes into the reserved room.
        """
        self._ending = True
        self._stdout.interrupt(last_words)


class _Stdout:
    """Writes whole lines to standard output."""

    def __init__(self) -> None:
        self._pipe: _Pipe | None = None
        self._descriptor = -1
        self._writing = False
        self._last_words: Callable[[], None] | None = None
        self._end: SystemExit | None = None

    def write(self, lines: bytes | bytearray, *, last: bool = False) -> None:
        """Write lines, waiting for room between them if need be.

        Args:
            lines: One or more, each with its end.
            last: Whether these are the last ones, for which room is reserved.

        Raises:
            BrokenPipeError: The reader has ended.
            SystemExit: The last words were written. Python drops the exception that ends a run
                if the signal comes while it deletes an object.
        """
        if self._end is not None:
            raise self._end
        try:
            descriptor = sys.stdout.fileno()
        except (AttributeError, OSError):  # something in memory, as tests have it
            sys.stdout.buffer.write(lines)
            return
        if descriptor != self._descriptor:
            self._descriptor, self._pipe = descriptor, _Pipe.of(descriptor)
        start, wait = 0, 1
        while start < len(lines):
            end = len(lines)
            if self._pipe is not None:
                room = self._pipe.room() - (0 if last else _RESERVED)
                if end - start > room:
                    end = lines.rfind(b"\n", start, start + max(room, 0)) + 1
                if end <= start:
                    if lines.index(b"\n", start) - start < self._pipe.most - _RESERVED:
                        self._pipe.wait(wait)
                        wait = min(2 * wait, _LONGEST_WAIT)
                        continue
                    end = lines.index(b"\n", start) + 1  # it does not fit into any pipe
            self._put(memoryview(lines)[start:end])
            start, wait = end, 1

    def interrupt(self, last_words: Callable[[], None]) -> None:
        """Call what ends the run: now, or when the line that is being written is whole."""
        if self._writing:
            self._last_words = last_words
        else:
            self._finish(last_words)

    def _finish(self, last_words: Callable[[], None]) -> None:
        try:
            last_words()
        except SystemExit as end:
            self._end = end
            raise

    def _put(self, lines: memoryview) -> None:
        self._writing = True
        try:
            if self._pipe is not None:
                self._pipe.note(len(lines))
            while lines:
                lines = lines[write(self._descriptor, lines) :]
        finally:
            self._writing = False
            if (last_words := self._last_words) is not None:
                self._last_words = None
                self._finish(last_words)


class _Pipe:
    """How much room a pipe has (Linux).

    It consists of pages, and a write leaves at most one of them partly empty.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        self._size = fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ)
        self.most = self._size - 4 * _PAGE
        """The most room it ever has."""
        self._written = 0
        self._ends: deque[int] = deque()
        self._poll = select.poll()
        self._poll.register(descriptor, 0)

    @classmethod
    def of(cls, descriptor: int) -> _Pipe | None:
        """Return the pipe behind a descriptor, if it is one whose room can be measured."""
        is_pipe = stat.S_ISFIFO(fstat(descriptor).st_mode)
        return cls(descriptor) if is_pipe and hasattr(fcntl, "F_GETPIPE_SZ") else None

    def room(self) -> int:
        """Count the bytes that can surely be written without blocking."""
        result = fcntl.ioctl(self._descriptor, termios.FIONREAD, bytes(4))
        unread = int.from_bytes(result, sys.byteorder)
        while self._ends and self._ends[0] <= self._written - unread:
            self._ends.popleft()
        return self._size - unread - (len(self._ends) + 3) * _PAGE

    def note(self, size: int) -> None:
        """Remember that so many bytes are about to be written in one go."""
        self._written += size
        self._ends.append(self._written)

    def wait(self, milliseconds: int) -> None:
        """Wait, unless the reader ends: then the write fails."""
        if self._poll.poll(milliseconds):
            write(self._descriptor, b"\n")

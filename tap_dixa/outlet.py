"""Standard output, written so that a signal never finds half a line in it.

Whoever writes to a full pipe is stuck in the middle of a line until the reader reads on, and a
loader that is busy may take minutes. So no more goes into a pipe than there is room for, in
whole lines, and some room is kept for a last one.
"""

from __future__ import annotations

import mmap
import select
import stat
import sys
from collections import deque
from contextlib import suppress
from os import fstat, write
from typing import TYPE_CHECKING

try:
    import fcntl
    import termios
except ImportError:  # Windows: a signal there waits for the reader
    fcntl = termios = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable

_LARGER = 1 << 20
"""What a pipe is enlarged to, in bytes, where the system lets anyone do it. Otherwise waiting
for room would cost time."""
_KEPT = 1 << 14
"""How much room is kept for the last line, in bytes."""
_PAGE = mmap.PAGESIZE
_LONGEST_NAP = 16
"""How long to wait at a time for a reader that does not read, in ms."""


class Outlet:
    """Takes whole lines to standard output."""

    def __init__(self) -> None:
        self._pipe: _Pipe | None = None
        self._descriptor = -1
        self._writing = False
        self._last_words: Callable[[], None] | None = None

    def write(self, lines: bytes | bytearray, *, last: bool = False) -> None:
        """Write lines, waiting for room between them if need be.

        Args:
            lines: One or more, each with its end.
            last: Whether these are the last ones, for which room was kept.

        Raises:
            BrokenPipeError: The reader has gone.
        """
        try:
            descriptor = sys.stdout.fileno()
        except (AttributeError, OSError):  # something in memory, as tests have it
            sys.stdout.buffer.write(lines)
            return
        if descriptor != self._descriptor:
            self._descriptor, self._pipe = descriptor, _Pipe.of(descriptor)
        start, nap = 0, 1
        while start < len(lines):
            end = len(lines)
            if self._pipe is not None:
                room = self._pipe.room() - (0 if last else _KEPT)
                if end - start > room:
                    end = lines.rfind(b"\n", start, start + max(room, 0)) + 1
                if end <= start:
                    if lines.index(b"\n", start) - start < self._pipe.most - _KEPT:
                        self._pipe.wait(nap)
                        nap = min(2 * nap, _LONGEST_NAP)
                        continue
                    end = lines.index(b"\n", start) + 1  # it does not fit into any pipe
            self._put(memoryview(lines)[start:end])
            start, nap = end, 1

    def interrupt(self, last_words: Callable[[], None]) -> None:
        """Call something that ends the run: now, or when the line being written is whole.

        Args:
            last_words: What to call. It may write, and should not return.
        """
        if self._writing:
            self._last_words = last_words
        else:
            last_words()

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
                last_words()


class _Pipe:
    """How much room a pipe has (Linux).

    It is made of pages, and a write leaves at most one of them partly empty.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _LARGER)
        self._size = fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ)
        self.most = self._size - 4 * _PAGE
        """The most room it ever has."""
        self._written = 0
        self._ends: deque[int] = deque()
        self._poll = select.poll()
        self._poll.register(descriptor, 0)

    @classmethod
    def of(cls, descriptor: int) -> _Pipe | None:
        """Give the pipe behind a descriptor, if it is one and can be asked."""
        is_pipe = stat.S_ISFIFO(fstat(descriptor).st_mode)
        return cls(descriptor) if is_pipe and hasattr(fcntl, "F_GETPIPE_SZ") else None

    def room(self) -> int:
        """Count the bytes that can be written for sure without waiting."""
        answer = fcntl.ioctl(self._descriptor, termios.FIONREAD, bytes(4))
        unread = int.from_bytes(answer, sys.byteorder)
        while self._ends and self._ends[0] <= self._written - unread:
            self._ends.popleft()
        return self._size - unread - (len(self._ends) + 3) * _PAGE

    def note(self, size: int) -> None:
        """Remember that so many bytes are going to be written in one go."""
        self._written += size
        self._ends.append(self._written)

    def wait(self, milliseconds: int) -> None:
        """Let some time pass, unless the reader goes away: then the next write says so."""
        if self._poll.poll(milliseconds):
            write(self._descriptor, b"\n")

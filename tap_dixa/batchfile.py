"""A batch file being written: compressed beside the work that fills it, in `tap_dixa.bulk`."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, Any, Self

from isal import igzip

if TYPE_CHECKING:
    from types import TracebackType

_BLOCK = 1 << 21


class BatchFile:
    """Lines for an open file. A context manager: on leaving it, all of them are in the file.

    Args:
        file: The file, open for writing bytes. It is left open.
        packed: Whether to compress with gzip. It needs no lock of Python's, so a thread of its
            own does it: one block is packed while the next one fills.
    """

    def __init__(self, file: IO[bytes], *, packed: bool) -> None:
        self._gzip = igzip.IGzipFile(fileobj=file, mode="wb") if packed else None  # type: ignore[no-untyped-call]
        self._file: Any = self._gzip or file
        self._block = bytearray()
        self._packer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="batch")
        self._pending: Future[int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._pass_on()
            self._settle()
            if self._gzip is not None:
                self._gzip.close()
        self._packer.shutdown()

    def write(self, lines: bytes) -> None:
        """Add lines."""
        self._block += lines
        if len(self._block) >= _BLOCK:
            self._pass_on()

    def _pass_on(self) -> None:
        self._settle()
        self._pending = self._packer.submit(self._file.write, self._block)
        self._block = bytearray()

    def _settle(self) -> None:
        if self._pending is not None:
            self._pending.result()

"""A window on disk: one response, or several if Dixa cannot export the window at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_dixa.download.spool import Spool
    from tap_dixa.download.windows import Window


class WindowDownload:
    """The parts of a window, each with its response on disk, oldest first."""

    def __init__(self) -> None:
        self._parts: list[tuple[Window, Spool]] = []

    def add(self, part: Window, spool: Spool) -> None:
        """Add the next part."""
        self._parts.append((part, spool))

    def __iter__(self) -> Iterator[tuple[Window, Spool]]:
        """Yield the parts."""
        return iter(self._parts)

    def __len__(self) -> int:
        """The number of records."""
        return sum(len(spool) for _, spool in self._parts)

    @property
    def size(self) -> int:
        """The size of all responses in bytes, decompressed."""
        return sum(spool.size for _, spool in self._parts)

    def close(self) -> None:
        """Free the disk space."""
        for _, spool in self._parts:
            spool.close()

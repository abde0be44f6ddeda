"""Number equal rows, so that each has a key, and drop those that another window has had."""

from __future__ import annotations

from tap_dixa.errors import DiskError


class RowNumbers:
    """What a run has emitted of the rows that are kept whole, on disk.

    Dixa may have such a row in several windows: at an instant that they share, or for each that an
    interval touches. It is emitted with the first of them. Rows of one window that are equal are
    numbered: as many of them are emitted as the window with the most has.

    SQLite keeps digests in a temporary file, which has no name. To be used in one thread.
    """

    def __init__(self) -> None:
        # Few runs have such rows; the others need not wait for its import.
        import sqlite3  # noqa: PLC0415

        self._error = sqlite3.Error
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(
            "CREATE TABLE rows (identity PRIMARY KEY, window, count, emitted) WITHOUT ROWID"
        )
        # One transaction, which is never rolled back: otherwise each row costs a write.
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("BEGIN")

    def next(self, identity: str, window: int) -> int | None:
        """Return the number of a row among those that are equal; None if it was emitted before.

        Args:
            identity: What equal rows have in common.
            window: Where its window starts. A window's rows come in a row.
        """
        try:
            rows = self._database.execute(
                "SELECT window, count, emitted FROM rows WHERE identity = ?", (identity,)
            )
            last, count, emitted = rows.fetchone() or (window, 0, 0)
            number = count if last == window else 0
            self._database.execute(
                "REPLACE INTO rows VALUES (?, ?, ?, ?)",
                (identity, window, number + 1, max(emitted, number + 1)),
            )
        except self._error as error:
            raise DiskError(
                f"the keys of rows could not be written to a temporary file: {error}. Point TMPDIR "
                "at a larger disk"
            ) from None
        return number if number >= emitted else None

    def close(self) -> None:
        """Free the disk space."""
        self._database.close()

"""Temporary files for responses."""

from __future__ import annotations

import errno
import os
import tempfile
from typing import TYPE_CHECKING

from tap_dixa.errors import DiskError, SettingsError
from tap_dixa.http.failures import TOO_MANY_FILES

if TYPE_CHECKING:
    from typing import IO

_TOO_SMALL = "Point TMPDIR at a larger disk, or use a smaller window_days"
_ADVICE = {
    errno.EMFILE: TOO_MANY_FILES,
    errno.ENFILE: TOO_MANY_FILES,
    errno.ENOSPC: _TOO_SMALL,
    errno.EDQUOT: _TOO_SMALL,
    errno.EFBIG: _TOO_SMALL,
}
_UNUSABLE_FOLDER = "Point TMPDIR at a folder that can be written to"


def check_temporary_folder() -> None:
    """Check that responses can be written where the environment says.

    Python would silently write them, with the personal data in them, to another folder.

    Raises:
        SettingsError: The folder cannot be written to.
        DiskError: No file can be written.
    """
    variable = next((name for name in ("TMPDIR", "TEMP", "TMP") if os.environ.get(name)), None)
    folder = os.environ[variable] if variable else None
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"[]")
    except OSError as error:
        if error.errno in _ADVICE or variable is None:
            raise disk_error(error, folder) from None
        raise SettingsError(
            f"{variable} names a folder that cannot be written to, {folder}: {error.strerror}. "
            "Name another one, or none"
        ) from None


def open_temporary_file() -> IO[bytes]:
    """Open a file for a response: unlinked from the start, and readable by this user only."""
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise disk_error(error) from None


def disk_error(error: OSError, folder: str | None = None) -> DiskError:
    """Make the error that says why a response could not be written, and what to do."""
    advice = _ADVICE.get(error.errno or 0, _UNUSABLE_FOLDER)
    where = folder or tempfile.tempdir or "a temporary file"
    return DiskError(f"a response could not be written to {where}: {error.strerror}. {advice}")

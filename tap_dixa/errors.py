"""Expected failures: each is one line on standard error, written by `tap_dixa.__main__`."""

import errno
import tempfile
from typing import Self

from singer_sdk.exceptions import (
    ConfigurationError,
    FatalAPIError,
    FatalSyncError,
    RetriableAPIError,
)

TOO_MANY_FILES = "Raise the limit of open files (ulimit -n), or use a smaller parallel_downloads"
"""What to do if the operating system opens no more files and connections."""
_TOO_SMALL = "Point TMPDIR at a larger disk, or use a smaller window_days"
DISK_ADVICE = {
    errno.EMFILE: TOO_MANY_FILES,
    errno.ENFILE: TOO_MANY_FILES,
    errno.ENOSPC: _TOO_SMALL,
    errno.EDQUOT: _TOO_SMALL,
    errno.EFBIG: _TOO_SMALL,
}
"""What to do if no response can be written, in whatever folder, by the number of the error."""
_CHECK_NETWORK = (
    "Check the network, exports_api_url and dixa_api_url: curl -I has to reach them. Behind a "
    "proxy, set HTTPS_PROXY, and REQUESTS_CA_BUNDLE if it has certificates of its own"
)
_UNUSABLE_FOLDER = "Point TMPDIR at a folder that can be written to"


class SettingsError(ConfigurationError):
    """A setting, or a file passed with an option, cannot be used. The message names it."""


class RefusedError(FatalAPIError):
    """Dixa refused a request and would refuse it again. The message says what to do."""


class ForbiddenError(RefusedError):
    """The token has no access: 401 or 403."""


class ExpiredTokenError(FatalAPIError):
    """Dixa no longer accepts the token (401), which it accepted earlier in this run."""


class NotFoundError(RefusedError):
    """There is nothing at this address: 404."""


class TooMuchError(RefusedError):
    """Dixa refused a request, and may accept one for less: 400 or 413."""


class NoAccessError(FatalAPIError):
    """The token may read none of the selected streams."""


class BadResponseError(RetriableAPIError):
    """A response is damaged, or is not what was requested. A retry may succeed."""


class IncompleteResponseError(BadResponseError):
    """A response ends early. A retry may succeed, and so may a request for less."""


class UnusableRecordError(FatalSyncError):
    """A record has no usable key or replication key, or cannot be decoded.

    Skipping it would lose it.
    """


class DiskError(FatalSyncError):
    """A response could not be written to disk."""

    @classmethod
    def of(cls, error: OSError, folder: str | None = None) -> Self:
        """Say why, and what to do."""
        advice = DISK_ADVICE.get(error.errno or 0, _UNUSABLE_FOLDER)
        where = folder or tempfile.tempdir or "a temporary file"
        return cls(f"a response could not be written to {where}: {error.strerror}. {advice}")


class RetriesExhaustedError(FatalSyncError):
    """A request failed in all of its attempts."""

    reason: str | None = None
    """Why, without what was requested: streams may share it."""


class UnreachableError(RetriesExhaustedError):
    """No response ever came from an address in this run."""

    def __init__(self, address: str, cause: str) -> None:
        self.address = address
        self.reason = f"cannot be reached ({cause}). {_CHECK_NETWORK}"
        super().__init__(f"{address} {self.reason}")


class StreamsFailedError(FatalSyncError):
    """Some streams failed, and the others were synced. The message names each one."""


STREAM_FAILURES = (RefusedError, ExpiredTokenError, RetriesExhaustedError, UnusableRecordError)
"""What ends the sync of one stream. Everything else ends the run."""


def reason(error: Exception) -> str:
    """Say why a user's file cannot be used, from the exception that it raised."""
    text = str(error)
    return text if type(error) is ValueError else f"{type(error).__name__}: {text}"

"""Expected failures: each is one line on standard error, written by `tap_dixa.__main__`."""

from __future__ import annotations

from singer_sdk.exceptions import (
    ConfigurationError,
    FatalAPIError,
    FatalSyncError,
    RetriableAPIError,
)


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


class RetriesExhaustedError(FatalSyncError):
    """A request failed in all of its attempts."""


class StreamsFailedError(FatalSyncError):
    """Some streams failed, and the others were synced. The message names each one."""


STREAM_FAILURES = (RefusedError, ExpiredTokenError, RetriesExhaustedError, UnusableRecordError)
"""What ends the sync of one stream. Everything else ends the run."""

"""What can go wrong through no fault of the tap's, each said in one line by `cli.TapCommand`."""

from __future__ import annotations

from singer_sdk.exceptions import (
    ConfigurationError,
    FatalAPIError,
    FatalSyncError,
    RetriableAPIError,
)


class SettingsError(ConfigurationError):
    """A setting, or a file given with it, cannot be used. The message names it."""


class RefusedError(FatalAPIError):
    """Dixa refused a request and would refuse it again. The message says what to do."""


class ForbiddenError(RefusedError):
    """Dixa does not let the token see this: 401 or 403."""


class GoneError(RefusedError):
    """There is nothing at this address: 404."""


class BadAnswerError(RetriableAPIError):
    """An answer is damaged, or not what was asked for. The next try may get a good one."""


class UnusableRecordError(FatalSyncError):
    """Dixa sent a record that cannot be placed in time or read. Going on would lose it."""


class DiskError(FatalSyncError):
    """There is no room for an answer."""


class GaveUpError(FatalSyncError):
    """Dixa could not be reached, or did not answer properly, in all the tries there are."""

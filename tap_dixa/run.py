"""What the streams of a run share: settings, sessions, permissions, and who watches."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tap_dixa.progress_bar import ProgressBar
from tap_dixa.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import requests

    from tap_dixa.permissions import Permissions
    from tap_dixa.rate_limit import LimitedSession


class Report:
    """Is told what a run does, and ignores it: a connection test has one that does not.

    Several threads call it.
    """

    def response(self, stream: Any, response: requests.Response) -> None:
        """Note a response, whatever its status. Its body is not read."""

    def page(self, stream: Any, rows: Sequence[Any], *, more: bool) -> None:
        """Note a page of a list: its rows, and whether it links to another page."""

    def row(self, stream: Any, kind: str, row: Any) -> None:
        """Note the shape of a row as Dixa sent it.

        Args:
            stream: The stream.
            kind: Which of its record types it is.
            row: The row, as decoded JSON.
        """

    def export(self, stream: Any, spool: Any) -> None:
        """Note a window's response on disk."""


class Run:
    """A run of the tap.

    Args:
        config: The configuration. It is checked when a setting is first read.
        permissions: Which streams are skipped.
        version: The tap's version.
    """

    def __init__(self, config: Mapping[str, Any], permissions: Permissions, version: str) -> None:
        self.config = config
        self.permissions = permissions
        self.start = time.time_ns() // 1_000_000
        """When the run started, in Unix ms."""
        self.version = version
        self.report = Report()
        """What is told what the run does."""
        self.beta_paths: set[str] = set()
        """Paths that exist under ``/beta`` and not under ``/v1``, as far as this run knows."""

    @cached_property
    def settings(self) -> Settings:
        """The checked settings.

        Raises:
            SettingsError: A setting is missing or unusable.
        """
        return Settings.from_config(self.config)

    @cached_property
    def exports_session(self) -> LimitedSession:
        """The session for the Exports API: its streams share the token's rate limit."""
        # The limiter is slow to import, and discovery, --about and --version do not need it.
        from tap_dixa.rate_limit import MINUTE, LimitedSession  # noqa: PLC0415

        return LimitedSession(self.settings.requests_per_minute, MINUTE)

    @cached_property
    def dixa_api_session(self) -> LimitedSession:
        """The session for the Dixa API: its streams share the token's rate limit."""
        from tap_dixa.rate_limit import BURST, BURST_INTERVAL, LimitedSession  # noqa: PLC0415

        return LimitedSession(BURST, BURST_INTERVAL)

    @cached_property
    def progress_bar(self) -> ProgressBar | None:
        """Where progress is shown, if somebody watches."""
        return ProgressBar.if_watched()

"""What the clients of a run share: settings, sessions, permissions, and who watches."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import requests

from tap_dixa.download.spool import Spool
from tap_dixa.http import session
from tap_dixa.http.permissions import Permissions
from tap_dixa.http.session import LimitedSession
from tap_dixa.progress import ProgressBar
from tap_dixa.settings import Settings


class Report:
    """Is told what a run does, and ignores it: a connection test has one that does not.

    Several threads call it.
    """

    def response(self, stream: str, api: str, path: str, response: requests.Response) -> None:
        """Note a response, whatever its status, to a path without ids. Its body is not read."""

    def page(self, stream: str, rows: Sequence[Any]) -> None:
        """Note the rows of a page of a list."""

    def row(self, stream: str, kind: str, row: Any) -> None:
        """Note the shape of a row, of a record type, as Dixa sent it."""

    def export(self, stream: str, spool: Spool) -> None:
        """Note a window's response on disk."""


@dataclass
class Run:
    """A run of the tap."""

    config: Mapping[str, Any]
    """The configuration. It is checked when a setting is first read."""
    permissions: Permissions
    """Whether a stream may be skipped."""
    version: str
    """The tap's version."""
    logger: logging.Logger
    metrics_logger: logging.Logger
    """The log of the SDK's metrics."""
    start: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    """When the run started, in Unix ms."""
    patience: float = field(default_factory=lambda: session.PATIENCE)
    """How long to try to reach a host from which no response ever came, in seconds."""
    read: dict[str, tuple[int, int]] = field(default_factory=dict)
    """From when to when each stream was read so far that is read by time, in Unix ms."""
    asked: dict[int, tuple[int, int] | None] | None = None
    """The conversations in `conversation_ids` that Dixa has, and between which times, in Unix ms,
    their messages were created, as far as that is known; None before they are read."""
    report: Report = field(default_factory=Report)
    """What is told what the run does."""
    beta_paths: set[str] = field(default_factory=set)
    """Paths that exist under ``/beta`` and not under ``/v1``, as far as this run knows."""

    def note_window(self, stream: str, start: int, end: int) -> None:
        """Note that a stream was read up to an end, by a reader that began at a start."""
        first, last = self.read.get(stream, (start, end))
        self.read[stream] = min(first, start), max(last, end)

    @cached_property
    def settings(self) -> Settings:
        """The checked settings. A setting that is missing or unusable raises SettingsError."""
        return Settings.from_config(self.config)

    @cached_property
    def exports_session(self) -> LimitedSession:
        """The session for the Exports API: its streams share the token's rate limit."""
        return LimitedSession(self.settings.requests_per_minute, session.MINUTE)

    @cached_property
    def dixa_api_session(self) -> LimitedSession:
        """The session for the Dixa API: its streams share the token's rate limit."""
        return LimitedSession(session.BURST, session.BURST_INTERVAL)

    @cached_property
    def progress_bar(self) -> ProgressBar | None:
        """Where progress is shown, if somebody watches."""
        return ProgressBar.if_watched()

"""What the clients of a run share: settings, sessions, permissions, and who watches."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any

import requests

from tap_dixa.download.spool import Spool
from tap_dixa.errors import NoAccessError, RefusedError
from tap_dixa.http import session
from tap_dixa.http.session import LimitedSession
from tap_dixa.progress import ProgressBar
from tap_dixa.settings import Settings


class Permissions:
    """Decides whether a stream may be skipped, and warns. Safe to use from several threads.

    A token that may read nothing at all is one error, not a warning for each stream: so
    warnings are held back until the first successful response.
    """

    def __init__(self, selected: Callable[[], Iterable[str]], warn: Callable[..., None]) -> None:
        self._selected = selected
        self._warn = warn
        self._lock = Lock()
        self._held_back: dict[str, str] | None = {}
        """Why each stream is skipped of which no warning was logged; None once all may be."""

    def skip(self, stream: str, error: RefusedError, *, begun: bool) -> None:
        """Let a stream be skipped, which the token may not read or the account lacks.

        Raises:
            RefusedError: The stream has begun: the rest of it would be silently missing.
            NoAccessError: No selected stream can be read.
        """
        if begun:
            raise error
        with self._lock:
            if self._held_back is None:
                self._warn_of(stream, str(error))
                return
            self._held_back[stream] = str(error)
            if self._held_back.keys() >= set(self._selected()):
                raise NoAccessError(next(iter(self._held_back.values())))

    def flush(self) -> None:
        """Log the warnings held back: a response was successful, or the run ends without one."""
        with self._lock:
            for stream, reason in (self._held_back or {}).items():
                self._warn_of(stream, reason)
            self._held_back = None

    def _warn_of(self, stream: str, reason: str) -> None:
        self._warn("Skipping stream %s: %s", stream, reason)


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
    report: Report = field(default_factory=Report)
    """What is told what the run does."""
    beta_paths: set[str] = field(default_factory=set)
    """Paths that exist under ``/beta`` and not under ``/v1``, as far as this run knows."""

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

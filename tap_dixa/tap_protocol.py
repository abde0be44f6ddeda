"""What streams need of their tap: protocols, so that nothing imports in a circle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import requests
    from singer_sdk import RESTStream

    from tap_dixa.permissions import Permissions
    from tap_dixa.progress_bar import ProgressBar
    from tap_dixa.rate_limit import LimitedSession
    from tap_dixa.settings import Settings


class Report(Protocol):
    """What a connection test is told. Several threads call it."""

    def response(self, stream: RESTStream[Any], response: requests.Response) -> None:
        """Note a response, whatever its status. Its body is not read."""

    def page(self, stream: RESTStream[Any], rows: Sequence[Any], *, more: bool) -> None:
        """Note a page of a list: its rows, and whether it links to another page."""

    def row(self, stream: RESTStream[Any], kind: str, row: Any) -> None:
        """Note the shape of a row as Dixa sent it.

        Args:
            stream: The stream.
            kind: Which of its record types it is.
            row: The row, as decoded JSON.
        """

    def export(self, stream: RESTStream[Any], spool: Any) -> None:
        """Note a window's response on disk."""


class DixaTap(Protocol):
    """What a stream needs of the tap that it belongs to."""

    @property
    def settings(self) -> Settings:
        """The checked settings."""

    @property
    def streams(self) -> Mapping[str, Any]:
        """The tap's streams, by name."""

    @property
    def exports_session(self) -> LimitedSession:
        """The session that keeps the rate limit of the Exports API."""

    @property
    def dixa_api_session(self) -> LimitedSession:
        """The session that keeps the rate limit of the Dixa API."""

    @property
    def permissions(self) -> Permissions:
        """What the token may read, as far as this run knows."""

    @property
    def progress_bar(self) -> ProgressBar | None:
        """Where progress is shown, if somebody watches."""

    @property
    def beta_paths(self) -> set[str]:
        """Paths that exist under ``/beta`` and not under ``/v1``, as far as this run knows."""

    @property
    def report(self) -> Report | None:
        """What a connection test is told; None in any other run."""

    @property
    def initialized_at(self) -> int:
        """When the run started, in Unix ms."""

    @property
    def plugin_version(self) -> str:
        """The tap's version."""

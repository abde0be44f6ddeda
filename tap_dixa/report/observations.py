"""What a connection test notes of responses: statuses, sizes, times and selected headers."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import requests

    from tap_dixa.client import DixaStream
    from tap_dixa.download.spool import Spool
    from tap_dixa.report.field_check import FieldCheck
    from tap_dixa.report.row_shapes import RowShape
    from tap_dixa.settings import Settings

FAILED = "failed: "
"""How the result of a stream's test begins if it failed."""
LACKING = "not in this account"
"""The result if the account does not have the stream."""

_ENCODINGS = {"gzip", "deflate", "br", "zstd"}
_LIMIT_HEADER = re.compile(r"(?=.{1,40}$)(retry-after|[a-z-]*rate-?limit[a-z-]*)", re.IGNORECASE)
_LIMIT_PART = re.compile(
    r"(?:(?:q|r|t|w|limit|remaining|reset|window)=)?\d{1,10}(?:\.\d{1,3})?", re.IGNORECASE
)
_MOST_PARTS = 6
_QUOTA = re.compile(r"(?:^|limit=|q=)(\d+)", re.IGNORECASE)
_PERIOD = re.compile(r"(?:w|window)=(\d+)", re.IGNORECASE)
_MINUTE = 60
_CLOSE = 2
"""Servers write the same Date into all responses of a second, in seconds."""


@dataclass
class Endpoint:
    """The responses of one path to one stream."""

    statuses: Counter[int] = field(default_factory=Counter)
    encodings: set[str] = field(default_factory=set)
    slowest: float = 0.0
    """The longest time until a response's headers, in seconds."""
    pages: list[int] = field(default_factory=list)
    """How many rows each page had."""
    more: bool = False
    """Whether a page had a link to another one."""
    _sent: float | None = None

    def note(self, response: requests.Response) -> None:
        """Note a response, whatever its status."""
        elapsed = response.elapsed.total_seconds()
        self.statuses[response.status_code] += 1
        self.slowest = max(self.slowest, elapsed)
        if response.status_code < HTTPStatus.MULTIPLE_CHOICES:
            encoding = response.headers.get("Content-Encoding", "none").lower()
            self.encodings.add(encoding if encoding in {*_ENCODINGS, "none"} else "another")
            if self._sent is None:
                self._sent = time.monotonic() - elapsed

    def seconds(self) -> float:
        """Say how long ago the first request since the last call was sent, in seconds."""
        sent, self._sent = self._sent, None
        return 0.0 if sent is None else time.monotonic() - sent


@dataclass
class Export:
    """A window on disk, or all parts of it."""

    stream: str
    """Which stream downloaded it."""
    records: int = 0
    size: int = 0
    """Of the responses, decompressed, in bytes."""
    seconds: float = 0.0
    """From the requests until the responses were on disk."""
    orders: set[str] = field(default_factory=set)
    _parts: Counter[str] = field(default_factory=Counter)

    @property
    def parts(self) -> int:
        """In how many parts the window came; of several record types, the most."""
        return max(self._parts.values(), default=0)

    def note(self, spool: Spool, seconds: float, kind: str = "") -> None:
        """Note a part, and how long it took.

        Args:
            spool: The response.
            seconds: From the request until it was on disk.
            kind: Which record type it has, if the stream has several.
        """
        self._parts[kind] += 1
        self.records += len(spool)
        self.size += spool.size
        self.seconds += seconds
        if (order := spool.order()) is not None:
            self.orders.add(order)


@dataclass
class Api:
    """What the headers of all responses of one API say."""

    limits: dict[str, str] = field(default_factory=dict)
    """The headers about rate limits, with the numbers of the last value of each."""
    _ahead: tuple[float, float] | None = None
    """How far the API's clock is ahead of this machine's, in seconds: at least and at most."""

    def note(self, response: requests.Response) -> None:
        """Note a response, whatever its status."""
        received = time.time()
        sent = received - response.elapsed.total_seconds()
        self._note_clock(response.headers.get("Date", ""), sent, received)
        for name, value in response.headers.items():
            if _LIMIT_HEADER.fullmatch(name):
                words = re.split(r"[\s,;]+", value)[:_MOST_PARTS]
                # Anything but a number could be a name, an id or a date.
                shown = (word if _LIMIT_PART.fullmatch(word) else "?" for word in words)
                self.limits[name.lower()] = " ".join(shown)

    def _note_clock(self, date: str, sent: float, received: float) -> None:
        try:
            theirs = parsedate_to_datetime(date).timestamp()
        except (OverflowError, ValueError):
            return
        # The header has whole seconds, and was written some time between the two.
        least, most = self._ahead or (float("-inf"), float("inf"))
        self._ahead = max(least, theirs - received), min(most, theirs + 1 - sent)

    @property
    def ahead(self) -> int | None:
        """How far the API's clock is surely ahead of this machine's, in seconds.

        Negative if it is behind, 0 if both show the same, None if no response had a date.
        """
        if self._ahead is None:
            return None
        least, most = self._ahead
        ahead = least if least > 0 else min(most, 0.0)
        return 0 if abs(ahead) < _CLOSE else round(ahead)

    def requests_per_minute(self) -> dict[str, int]:
        """Read how many requests a minute each header allows that says so.

        A header that does not name a period is taken to be about a minute.
        """
        allowed = {}
        for name, value in self.limits.items():
            quota, period = _QUOTA.search(value), _PERIOD.search(value)
            if quota and name.endswith(("limit", "limit-minute", "policy")):
                seconds = int(period[1]) if period else _MINUTE
                allowed[name] = int(quota[1]) * _MINUTE // max(seconds, 1)
        return allowed


@dataclass
class Observations:
    """All that a connection test has observed."""

    streams: Sequence[DixaStream]
    """The streams that are tested, in this order."""
    endpoints: dict[tuple[str, str], Endpoint] = field(default_factory=dict)
    """The responses, by stream and path."""
    exports: dict[str, Export] = field(default_factory=dict)
    """The tested day of each stream that is read by time."""
    checks: dict[str, FieldCheck] = field(default_factory=dict)
    """How the records of each stream compare with its schema."""
    shapes: dict[tuple[str, str], RowShape] = field(default_factory=dict)
    """The shapes of rows, by stream and record type."""
    exports_api: Api = field(default_factory=Api)
    dixa_api: Api = field(default_factory=Api)
    results: dict[str, str] = field(default_factory=dict)
    """How the test of each stream ended, as the report says it."""
    conversation_at: int | None = None
    """When the conversation was updated that `inclusive` is about, in Unix ms."""
    inclusive: dict[str, bool] = field(default_factory=dict)
    """Whether the filters after and before a time include it."""

    @property
    def settings(self) -> Settings:
        """The tap's settings."""
        return self.streams[0].settings

    @property
    def apis(self) -> dict[str, Api]:
        """Both APIs, by name."""
        return {"Exports API": self.exports_api, "Dixa API": self.dixa_api}

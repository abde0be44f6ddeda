"""What a connection test notes of Dixa: statuses, sizes, order, bounds and clocks."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec
from typing_extensions import override

from tap_dixa import retry
from tap_dixa.download.json_text import repair_text
from tap_dixa.download.windows import MARGIN
from tap_dixa.errors import (
    STREAM_FAILURES,
    ForbiddenError,
    NotFoundError,
    RefusedError,
    RetriesExhaustedError,
)
from tap_dixa.output.json_numbers import decode
from tap_dixa.report.fields import SAMPLE, FieldTypes
from tap_dixa.run import Report
from tap_dixa.streams.changed_conversations import ChangedConversationsStream
from tap_dixa.streams.conversations import ConversationsStream
from tap_dixa.streams.exports_api import ExportStream
from tap_dixa.streams.full_table import FullTableStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import requests

    from tap_dixa.client import DixaStream
    from tap_dixa.download.spool import Spool
    from tap_dixa.streams.dixa_api import DixaApiStream

FAILED = "failed: "
"""How the result of a stream's test begins if it failed."""
LACKING = "not in this account"
"""The result if the account does not have the stream."""

_NOT_DECODABLE = (msgspec.MsgspecError, OverflowError, RecursionError)


@dataclass
class Endpoint:
    """The responses of one path to one stream."""

    statuses: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    """The longest time until a response's headers, in seconds."""
    pages: list[int] = field(default_factory=list)
    """How many rows each page had."""
    has_more: bool = False
    """Whether a page had a link to another one."""


@dataclass
class Export:
    """What was downloaded of the tested day of a stream that is read by time."""

    records: int = 0
    size: int = 0
    """Of the JSON, decompressed, in bytes."""
    orders: set[str] = field(default_factory=set)


class ConnectionReport(Report):
    """Notes what a connection test does. Safe to use from several threads.

    Args:
        streams: The streams that are tested, in this order.
    """

    def __init__(self, streams: Sequence[DixaStream]) -> None:
        self.streams = streams
        self.settings = streams[0].settings
        self.lock = Lock()
        self.results: dict[str, str] = {}
        """How the test of each stream ended."""
        self.endpoints: dict[tuple[str, str], Endpoint] = defaultdict(Endpoint)
        """The responses, by stream and path."""
        self.exports: dict[str, Export] = defaultdict(Export)
        """The tested day of each stream that is read by time."""
        self.ahead: dict[str, float] = {}
        """How far the clock of each API is ahead of this machine's, in seconds: by the response
        that says the least."""
        self.fields = FieldTypes()
        self.conversation_at: int | None = None
        """When the conversation was updated that `inclusive` is about, in Unix ms."""
        self.inclusive: dict[str, bool] = {}
        """Whether the filters ``after`` and ``before`` a time include it."""

    @override
    def response(self, stream: DixaStream, response: requests.Response) -> None:
        with self.lock:
            endpoint = self.endpoints[stream.name, stream.requested_path]
            endpoint.statuses[response.status_code] += 1
            endpoint.slowest = max(endpoint.slowest, response.elapsed.total_seconds())
            api = "Exports API" if isinstance(stream, ExportStream) else "Dixa API"
            with suppress(OverflowError, ValueError):
                date = parsedate_to_datetime(response.headers.get("Date", ""))
                ahead = date.timestamp() - time.time()
                self.ahead[api] = min(ahead, self.ahead.get(api, ahead), key=abs)

    @override
    def page(self, stream: DixaApiStream, rows: Sequence[Any], *, more: bool) -> None:
        with self.lock:
            endpoint = self.endpoints[stream.name, stream.requested_path]
            endpoint.pages.append(len(rows))
            endpoint.has_more |= more
            # Other rows are compared on disk, or are no records.
            if isinstance(stream, FullTableStream) and stream.row_type is Any:
                for row in rows:
                    if isinstance(row, dict):
                        self.fields.compare(stream, row.copy())

    @override
    def row(self, stream: DixaStream, kind: str, row: Any) -> None:
        with self.lock:
            self.fields.describe(stream, kind, row)

    @override
    def export(self, stream: DixaStream, spool: Spool) -> None:
        if isinstance(stream, ChangedConversationsStream):
            return  # it reads the conversations once more
        with self.lock:
            export = self.exports[stream.name]
            export.records += len(spool)
            export.size += spool.size
            if order := spool.order():
                export.orders.add(order)
            records = list(_decoded(spool))
            if isinstance(stream, ConversationsStream) and self.conversation_at is None:
                times = (record[stream.cursor] for record in records)
                inside = (at for at in times if spool.window.start <= at < spool.window.end)
                self.conversation_at = next(inside, None)
            for record in records:
                self.fields.compare(stream, record)

    def tested(self, stream: DixaStream, error: Exception | None = None) -> None:
        """Note that a stream has been tested.

        Args:
            stream: The stream.
            error: Why it failed, if it did. Of the message, which may quote Dixa, nothing is kept.
        """
        if stream.skipped is not None:
            result = "no access" if isinstance(stream.skipped, ForbiddenError) else LACKING
        elif error is None:
            result = "read"
        elif isinstance(error, NotFoundError) and not stream.selected_by_default:
            result = LACKING
        elif isinstance(error, RefusedError):
            result = f"{FAILED}refused"
        elif isinstance(error, RetriesExhaustedError):
            result = f"{FAILED}no usable response"
        else:
            result = f"{FAILED}unusable record"
        self.results[stream.name] = result

    def probe_bounds(self) -> None:
        """Find out in two requests whether the filters of conversations include their bounds.

        Each asks for two seconds that begin, or end, when a conversation was updated: the one
        that was updated first in the tested day, and so is the least likely to be right now.
        """
        at = self.conversation_at
        if at is None:
            return
        stream = next(s for s in self.streams if isinstance(s, ConversationsStream))
        bounds = {"after": (at, at + 2 * MARGIN), "before": (at - 2 * MARGIN, at)}
        for side, (after, before) in bounds.items():
            try:
                with stream.request_export(stream.path, stream.cursor, after, before) as response:
                    records = msgspec.json.decode(response.content, type=list[dict[str, Any]])
            except (*STREAM_FAILURES, *retry.RETRIABLE, *_NOT_DECODABLE):
                continue
            self.inclusive[side] = any(record.get(stream.cursor) == at for record in records)


def _decoded(spool: Spool) -> Iterator[Any]:
    """Decode the first records of a response."""
    for text in islice(spool, SAMPLE):
        try:
            yield decode(repair_text(text)[0])
        except _NOT_DECODABLE:
            continue  # the stream itself fails because of it

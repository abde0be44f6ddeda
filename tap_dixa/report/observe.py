"""What a connection test notes of Dixa. Of records, only the names and types of their fields."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from itertools import islice
from threading import Lock
from typing import Any

import msgspec
import requests
from typing_extensions import override

from tap_dixa.download.spool import Spool
from tap_dixa.download.windows import MARGIN
from tap_dixa.errors import STREAM_FAILURES, ForbiddenError, NotFoundError
from tap_dixa.http.client import Request
from tap_dixa.http.retries import RETRIABLE
from tap_dixa.http.run import Report
from tap_dixa.log_shapes import shown_name, shown_path, type_name
from tap_dixa.read.exports import filters_of
from tap_dixa.records.fields import Path
from tap_dixa.records.json_numbers import decode
from tap_dixa.report.shapes import Shapes
from tap_dixa.streams.base import DixaStream
from tap_dixa.streams.lists import ListStream

Fields = dict[str, set[str]]
"""The types of each field's values, by its path."""

LACKING = "not in this account"
"""The result of a stream that the account does not have."""

_SAMPLE = 1_000
"""So many records of a response are compared with their schema, and so many rows described."""
_DEEPEST = 20
"""So many levels of a row are told apart."""
_NOT_DECODABLE = (msgspec.MsgspecError, OverflowError, RecursionError)


@dataclass
class Day:
    """What was downloaded of the tested day of a stream that is read by time."""

    records: int = 0
    size: int = 0
    """Of the JSON, decompressed, in bytes."""
    orders: set[str] = field(default_factory=set)
    first: int | None = None
    """The time of its first record, in Unix ms: `inclusive` is about it."""


class ConnectionReport(Report):
    """Notes what a connection test of these streams does. Several threads may use it."""

    def __init__(self, streams: Sequence[DixaStream]) -> None:
        self.streams = streams
        self._by_name = {stream.name: stream for stream in streams}
        self.lock = Lock()
        self.results: dict[str, str] = {}
        """How the test of each stream ended."""
        self.statuses: dict[str, dict[str, Counter[int]]] = defaultdict(
            lambda: defaultdict(Counter)
        )
        """How many responses each stream had, by path and status."""
        self.days: dict[str, Day] = defaultdict(Day)
        """The tested day of each stream that is read by time."""
        self.ahead: dict[str, float] = {}
        """How far the clock of each API is ahead of this machine's, in seconds: by the response
        that says the least."""
        self.compared = 0
        """How many records were compared with their schemas."""
        self.new: dict[str, Fields] = defaultdict(lambda: defaultdict(set))
        """The fields that the schema does not have, by stream."""
        self.misfits: dict[str, Fields] = defaultdict(lambda: defaultdict(set))
        """The fields that cannot hold their value, and the types of such values, by stream."""
        self.rows: dict[str, Fields] = defaultdict(lambda: defaultdict(set))
        """The rows that Dixa does not document, by stream and record type."""
        self.described: Counter[str] = Counter()
        """How many of these rows were described."""
        self.inclusive: dict[str, bool] = {}
        """Whether the filters of exports, such as ``created_after`` a time, include it."""
        self.shapes: Shapes | None = None
        """What keeps the shapes of responses, if somebody asks for them."""

    @override
    def response(self, stream: str, api: str, path: str, response: requests.Response) -> None:
        if self.shapes is not None:
            self.shapes.response(path, response)
        with self.lock:
            self.statuses[stream][path][response.status_code] += 1
            with suppress(OverflowError, ValueError):
                date = parsedate_to_datetime(response.headers.get("Date", ""))
                ahead = date.timestamp() - time.time()
                self.ahead[api] = min(ahead, self.ahead.get(api, ahead), key=abs)

    @override
    def page(self, stream: str, rows: Sequence[Any]) -> None:
        listed = self._by_name[stream]
        if isinstance(listed, ListStream):  # other streams are compared on disk
            with self.lock:
                for row in rows:
                    if isinstance(row, dict):
                        self._compare(stream, listed.row(row.copy()))

    @override
    def row(self, stream: str, kind: str, row: Any) -> None:
        with self.lock:
            name = f"{stream} {shown_name(kind)}"
            if self.described[name] < _SAMPLE:
                self.described[name] += 1
                for path, value in _leaves(row):
                    where = shown_path(path) or "(the row itself)"
                    self.rows[name][where].add(type_name(value))

    @override
    def export(self, stream: str, spool: Spool) -> None:
        if isinstance(self._by_name[stream], ListStream):
            return  # it reads the conversations once more
        with self.lock:
            day = self.days[stream]
            day.records += len(spool)
            day.size += spool.size
            if order := spool.received_order():
                day.orders.add(order)
            for time, text in islice(spool.records(), _SAMPLE):
                with suppress(*_NOT_DECODABLE):  # the stream itself fails because of it
                    record = decode(text)
                    if spool.window.start <= time < spool.window.end:
                        day.first = day.first or time
                    self._compare(stream, record)

    def _compare(self, stream: str, record: dict[str, Any]) -> None:
        """Note what a record holds and its schema does not. The record is changed."""
        self.compared += 1
        for moved in self._by_name[stream].normalize.fit(record):
            fields = self.new if moved.field is None else self.misfits
            fields[stream][shown_path(moved.path)].add(type_name(moved.value))

    def tested(self, stream: DixaStream, error: Exception | None = None) -> None:
        """Note how the test of a stream ended, without the error's message: it may quote Dixa."""
        if isinstance(stream.skipped, ForbiddenError):
            result = "no access"
        elif stream.skipped:
            result = LACKING
        elif error is None:
            result = "read"
        elif isinstance(error, NotFoundError) and not stream.selected_by_default:
            result = LACKING
        else:
            result = f"failed: {type(error).__name__}"
        self.results[stream.name] = result

    def probe_bounds(self) -> None:
        """Find out in two requests for each export whether its filters include their bounds.

        Each asks for two seconds that begin, or end, at the time of a record: of the first one in
        the tested day, which is the least likely to change right now.
        """
        for stream in self.streams:
            day, field = self.days.get(stream.name), stream.replication_key
            if day is None or day.first is None or field is None or not stream.is_exports:
                continue
            at = day.first
            after, before = filters_of(field)
            for side, start in {after: at, before: at - 2 * MARGIN}.items():
                request = Request(stream.path, query={after: start, before: start + 2 * MARGIN})
                with suppress(*STREAM_FAILURES, *RETRIABLE, *_NOT_DECODABLE):
                    with stream.client.send(request) as response:
                        records = msgspec.json.decode(response.content, type=list[dict[str, Any]])
                    self.inclusive[side] = any(record.get(field) == at for record in records)


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield each value that has none in it, and its path."""
    match value:
        # Analytics lists the fields of a row.
        case {"name": str(name), "field": cell} if path and isinstance(path[-1], int):
            yield from _leaves(cell, (*path[:-1], name))
        case {} if value and len(path) < _DEEPEST:
            for name, inner in value.items():
                yield from _leaves(inner, (*path, name))
        case [_, *_] if len(path) < _DEEPEST:
            for offset, item in enumerate(value):
                yield from _leaves(item, (*path, offset))
        case _:
            yield path, value

"""Note what a connection test observes."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec
from typing_extensions import override

from tap_dixa import retry
from tap_dixa.client import SCHEMAS
from tap_dixa.download.windows import MARGIN, Window
from tap_dixa.errors import (
    STREAM_FAILURES,
    DiskError,
    ForbiddenError,
    NotFoundError,
    RefusedError,
    RetriesExhaustedError,
)
from tap_dixa.log_shapes import shown_name
from tap_dixa.output.json_numbers import decode
from tap_dixa.report.field_check import FieldCheck
from tap_dixa.report.observations import FAILED, LACKING, Endpoint, Export, Observations
from tap_dixa.report.rendering import render
from tap_dixa.report.row_shapes import RowShape
from tap_dixa.run import Report
from tap_dixa.streams.conversations import ConversationsStream
from tap_dixa.streams.exports_api import ExportStream
from tap_dixa.streams.full_table import FullTableStream
from tap_dixa.streams.windowed import WindowedStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import requests

    from tap_dixa.client import DixaStream
    from tap_dixa.download.spool import Spool
    from tap_dixa.streams.dixa_api import DixaApiStream

_SAMPLE = 1_000
"""So many records of a stream are compared with its schema."""
_NOT_DECODABLE = (msgspec.DecodeError, OverflowError, RecursionError)
_FAILED_PROBE = (*STREAM_FAILURES, *retry.RETRIABLE, DiskError)
_SKIPPED: dict[type, str] = {ForbiddenError: "no access", NotFoundError: LACKING}


@dataclass(frozen=True, slots=True)
class _Probe(Window):
    """A window whose request has bounds of its own, in Unix ms."""

    lower: int
    upper: int

    @property
    @override
    def after(self) -> int:
        return self.lower

    @property
    @override
    def before(self) -> int:
        return self.upper


class ConnectionReport(Report):
    """Notes what a connection test does, and writes it down. Safe to use from several threads.

    Args:
        streams: The streams that are tested, in this order.
    """

    def __init__(self, streams: Sequence[DixaStream]) -> None:
        self._seen = Observations(streams)
        self._lock = Lock()

    # What the streams tell

    @override
    def response(self, stream: DixaStream, response: requests.Response) -> None:
        with self._lock:
            self._endpoint(stream).note(response)
            api = (
                self._seen.exports_api if isinstance(stream, ExportStream) else self._seen.dixa_api
            )
            api.note(response)

    @override
    def page(self, stream: DixaApiStream, rows: Sequence[Any], *, more: bool) -> None:
        with self._lock:
            endpoint = self._endpoint(stream)
            endpoint.pages.append(len(rows))
            endpoint.more |= more
            # Others are checked on disk, or are no records.
            if isinstance(stream, FullTableStream) and stream.row_type is Any:
                self._check(stream.name, rows)

    @override
    def row(self, stream: DixaStream, kind: str, row: Any) -> None:
        with self._lock:
            shape = self._seen.shapes.setdefault((stream.name, shown_name(kind)), RowShape())
            if shape.rows < _SAMPLE:
                shape.note(row)

    @override
    def export(self, stream: DixaStream, window: Window, spool: Spool) -> None:
        # conversation_notes reads conversations, too.
        name = next(
            tested.name
            for tested in self._seen.streams
            if isinstance(tested, WindowedStream) and tested.path == stream.path
        )
        with self._lock:
            export = self._seen.exports.setdefault(name, Export(stream.name))
            if export.stream != stream.name:
                return  # the same records once more
            kind = getattr(window, "record_id", "")
            export.note(spool, self._endpoint(stream).seconds(), kind)
            records = [*_decoded(islice(spool, _SAMPLE))]
            self._check(name, records)
            if name == ConversationsStream.name and self._seen.conversation_at is None:
                times = (record[ConversationsStream.cursor] for record in records)
                inside = (at for at in times if window.start <= at < window.end)
                self._seen.conversation_at = next(inside, None)

    # What the tap tells and asks for

    def tested(self, stream: DixaStream, error: Exception | None = None) -> None:
        """Note that a stream has been tested.

        Args:
            stream: The stream.
            error: Why it failed, if it did. Of the message, which may quote Dixa, nothing is kept.
        """
        if error is None:
            result = _SKIPPED.get(type(stream.skipped), "read")
        elif isinstance(error, NotFoundError) and not stream.selected_by_default:
            result = LACKING
        elif isinstance(error, RefusedError):
            result = f"{FAILED}refused"
        elif isinstance(error, RetriesExhaustedError):
            result = f"{FAILED}no usable response"
        else:
            result = f"{FAILED}unusable record"
        self._seen.results[stream.name] = result

    def probe_bounds(self) -> None:
        """Find out in two requests whether the filters of conversations include their bounds.

        Each asks for two seconds that begin, or end, when a conversation was updated: the one
        that was updated first in the tested day, and so is the least likely to be right now.
        """
        at = self._seen.conversation_at
        if at is None:
            return
        streams = self._seen.streams
        stream = next(tested for tested in streams if isinstance(tested, ConversationsStream))
        probes = {
            "after": _Probe(at, at + 1, at, at + 2 * MARGIN),
            "before": _Probe(at, at + 1, at - 2 * MARGIN, at),
        }
        for side, probe in probes.items():
            try:
                spool = stream.export(stream.path, stream.cursor, probe, stream.key_decoder)
            except _FAILED_PROBE:
                continue
            with closing(spool):
                self._seen.inclusive[side] = len(spool) > spool.out_of_place

    @override
    def __str__(self) -> str:
        with self._lock:
            return render(self._seen)

    def _endpoint(self, stream: DixaStream) -> Endpoint:
        path = stream.path
        if path in stream.run.beta_paths:
            path = path.replace("/v1/", "/beta/", 1)
        return self._seen.endpoints.setdefault((stream.name, path), Endpoint())

    def _check(self, name: str, rows: Iterable[Any]) -> None:
        check = self._seen.checks.get(name)
        if check is None:
            stream = next(tested for tested in self._seen.streams if tested.name == name)
            other_names = getattr(stream, "other_names", {})
            check = self._seen.checks[name] = FieldCheck(SCHEMAS.get_schema(name), other_names)
        for row in islice(rows, max(0, _SAMPLE - check.records)):
            check.check(row)


def _decoded(records: Iterable[bytes]) -> Iterator[Any]:
    for record in records:
        try:
            yield decode(record.decode(errors="replace").encode())
        except _NOT_DECODABLE:
            continue  # the stream itself fails because of it

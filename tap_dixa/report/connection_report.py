"""What a connection test found out about Dixa, as a page that can be pasted into a bug report.

It holds no token, no ids and no values of fields: statuses, sizes, times, and names of fields.
"""

from __future__ import annotations

import platform
import textwrap
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

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
from tap_dixa.output.json_numbers import decode
from tap_dixa.report import advice
from tap_dixa.report.field_check import FieldCheck, shown_name
from tap_dixa.report.observations import Api, Endpoint, Export
from tap_dixa.report.row_shapes import RowShape
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
_SHOWN = 20
"""So many fields are named."""
_WIDTH = 110
_HOSTS = {"exports.dixa.io", "dev.dixa.io", "127.0.0.1", "::1", "localhost"}
_NOT_DECODABLE = (msgspec.DecodeError, OverflowError, RecursionError)
_FAILED_PROBE = (*STREAM_FAILURES, *retry.RETRIABLE, DiskError)
_FAILED = "failed: "
_LACKING = "not in this account"
_SKIPPED: dict[type, str] = {ForbiddenError: "no access", NotFoundError: _LACKING}
_CLAIM = "No token, no ids, no contents of records: this can be pasted into a bug report."


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


class ConnectionReport:
    """Notes what a connection test does, and writes it down. Safe to use from several threads.

    Args:
        streams: The streams that are tested, in this order.
    """

    def __init__(self, streams: Sequence[DixaStream]) -> None:
        self._ordered = streams
        self._settings = streams[0].settings
        self._lock = Lock()
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        self._exports: dict[str, Export] = {}
        self._checks: dict[str, FieldCheck] = {}
        self._shapes: dict[tuple[str, str], RowShape] = {}
        self._exports_api, self._dixa_api = Api(), Api()
        self._results: dict[str, str] = {}
        self._conversation_at: int | None = None
        self._inclusive: dict[str, bool] = {}

    # What the streams tell

    def response(self, stream: DixaStream, response: requests.Response) -> None:
        """Note a response, whatever its status. Its body is not read."""
        with self._lock:
            self._endpoint(stream).note(response)
            api = self._exports_api if isinstance(stream, ExportStream) else self._dixa_api
            api.note(response)

    def page(self, stream: DixaApiStream, rows: Sequence[Any], *, more: bool) -> None:
        """Note a page of a list: its rows, and whether it links to another page."""
        with self._lock:
            endpoint = self._endpoint(stream)
            endpoint.pages.append(len(rows))
            endpoint.more |= more
            # Others are checked on disk, or are no records.
            if isinstance(stream, FullTableStream) and stream.row_type is Any:
                self._check(stream.name, rows)

    def row(self, stream: DixaStream, kind: str, row: Any) -> None:
        """Note the shape of a row as Dixa sent it.

        Args:
            stream: The stream.
            kind: Which of its kinds of records it is.
            row: The row, as decoded JSON.
        """
        with self._lock:
            shape = self._shapes.setdefault((stream.name, shown_name(kind)), RowShape())
            if shape.rows < _SAMPLE:
                shape.note(row)

    def export(self, stream: DixaStream, window: Window, spool: Spool) -> None:
        """Note a downloaded window, or a part of one, and the response on disk."""
        # conversation_notes reads conversations, too.
        name = next(
            one.name
            for one in self._ordered
            if isinstance(one, WindowedStream) and one.path == stream.path
        )
        with self._lock:
            export = self._exports.setdefault(name, Export(stream.name))
            if export.stream != stream.name:
                return  # the same records once more
            kind = getattr(window, "record_id", "")
            export.note(spool, self._endpoint(stream).seconds(), kind)
            records = [*_decoded(islice(spool, _SAMPLE))]
            self._check(name, records)
            if name == ConversationsStream.name and self._conversation_at is None:
                times = (record[ConversationsStream.cursor] for record in records)
                inside = (at for at in times if window.start <= at < window.end)
                self._conversation_at = next(inside, None)

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
            result = _LACKING
        elif isinstance(error, RefusedError):
            result = f"{_FAILED}refused"
        elif isinstance(error, RetriesExhaustedError):
            result = f"{_FAILED}no usable response"
        else:
            result = f"{_FAILED}unusable record"
        self._results[stream.name] = result

    def probe_bounds(self) -> None:
        """Find out in two requests whether the filters of conversations include their bounds.

        Each asks for two seconds that begin, or end, when a conversation was updated: the one
        that was updated first in the tested day, and so is the least likely to be right now.
        """
        at = self._conversation_at
        if at is None:
            return
        stream = next(one for one in self._ordered if isinstance(one, ConversationsStream))
        probes = {
            "after": _Probe(at, at + 1, at, at + 2 * MARGIN),
            "before": _Probe(at, at + 1, at - 2 * MARGIN, at),
        }
        for side, probe in probes.items():
            try:
                found = stream.download(probe)
            except _FAILED_PROBE:
                continue
            with closing(found):
                self._inclusive[side] = len(found) > found.out_of_place

    # The report

    @override
    def __str__(self) -> str:
        with self._lock:
            parts = [
                *(self._head(), self._about_streams(), self._about_days()),
                *(self._findings(), self._advice()),
            ]
        return "\n\n".join(parts)

    def _head(self) -> str:
        stream, settings = self._ordered[0], self._settings
        return (
            f"{stream.tap_name} {stream.tap.plugin_version}, "
            f"Singer SDK {version('singer-sdk')}, "
            f"Python {platform.python_version()}, {platform.system()}\n"
            f"{_CLAIM}\n"
            f"Exports API: {_host(settings.exports_api_url)}, requests_per_minute "
            f"{settings.requests_per_minute}, window_days {settings.window_days}, "
            f"lookback_seconds {settings.lookback_seconds}\n"
            f"Dixa API: {_host(settings.dixa_api_url)}; both: request_timeout_seconds "
            f"{settings.request_timeout_seconds}"
        )

    def _about_streams(self) -> str:
        rows = [("Stream", "Path", "Status", "Slowest", "Rows of a page", "Result")]
        for stream in self._ordered:
            name = stream.name
            result = self._results.get(name, "not tested to its end")
            own = {path: one for (owner, path), one in self._endpoints.items() if owner == name}
            for path, endpoint in (own or {stream.path: Endpoint()}).items():
                rows.append((name, path, *_responses(endpoint), result))
        return _table(rows)

    def _about_days(self) -> str:
        rows = [("Tested day", "Records", "Size", "Time", "Compression", "Order")]
        for name, export in self._exports.items():
            path = next(one.path for one in self._ordered if one.name == name)
            endpoint = self._endpoints[export.stream, path]
            rows.append(
                (
                    name,
                    f"{export.records:,}",
                    f"{export.size / 1e6:,.1f} MB",
                    f"{export.seconds:.1f} s",
                    ", ".join(sorted(endpoint.encodings)),
                    ", ".join(sorted(export.orders)) or "not known",
                )
            )
        return _table(rows)

    def _findings(self) -> str:
        records = sum(check.records for check in self._checks.values())
        findings = {
            "Bounds of filters": self._bounds(),
            "Clocks": "; ".join(f"{name}: {_clock(api)}" for name, api in self._apis.items()),
            "Rate-limit headers": "; ".join(
                f"{name}: {_limits(api)}" for name, api in self._apis.items()
            ),
            "Records compared with their schemas": f"{records:,}",
            "Fields that no schema has": _fields(
                (name, f"{path} ({_either(types)})")
                for name, check in self._checks.items()
                for path, types in check.unknown.items()
            ),
            "Types that no schema allows": _fields(
                (name, f"{path} ({_either(types)}, not {_either(allowed)})")
                for name, check in self._checks.items()
                for path, (types, allowed) in check.unexpected.items()
            ),
            **{
                f"Rows of {stream} {kind}": f"{shape.rows:,}, {shape}"
                for (stream, kind), shape in self._shapes.items()
            },
        }
        return "\n".join(_wrapped(f"{name}: {text}") for name, text in findings.items())

    def _bounds(self) -> str:
        if ConversationsStream.name not in self._exports:
            return "not known: conversations could not be read"
        if self._conversation_at is None:
            return "not known: no conversation changed in the tested day"
        words = {True: "inclusive", False: "exclusive", None: "not known, the request failed"}
        return ", ".join(
            f"updated_{side} {words[self._inclusive.get(side)]}" for side in ("after", "before")
        )

    def _advice(self) -> str:
        unread = [
            stream.name
            for stream in self._ordered
            if (result := self._results.get(stream.name, "")).startswith(_FAILED)
            or (result == _LACKING and stream.selected_by_default)
        ]
        lines = [
            *advice.about_statuses(self._endpoints, unread),
            *advice.about_size_and_time(self._exports, self._endpoints, self._settings),
            *advice.about_clocks_and_limits(self._apis, self._exports_api, self._settings),
            *advice.about_fields(self._checks.values()),
        ]
        return "\n".join(
            ["What to do:", *(_wrapped(f"- {line}") for line in lines or ["Nothing."])]
        )

    # What the parts have in common

    @property
    def _apis(self) -> dict[str, Api]:
        return {"Exports API": self._exports_api, "Dixa API": self._dixa_api}

    def _endpoint(self, stream: DixaStream) -> Endpoint:
        path = stream.path
        if path in stream.tap.beta_paths:
            path = path.replace("/v1/", "/beta/", 1)
        return self._endpoints.setdefault((stream.name, path), Endpoint())

    def _check(self, name: str, rows: Iterable[Any]) -> None:
        check = self._checks.get(name)
        if check is None:
            stream = next(one for one in self._ordered if one.name == name)
            other_names = getattr(stream, "other_names", {})
            check = self._checks[name] = FieldCheck(SCHEMAS.get_schema(name), other_names)
        for row in islice(rows, max(0, _SAMPLE - check.records)):
            check.check(row)


def _decoded(records: Iterable[bytes]) -> Iterator[Any]:
    for record in records:
        try:
            yield decode(record.decode(errors="replace").encode())
        except _NOT_DECODABLE:
            continue  # the stream itself fails because of it


def _host(url: str) -> str:
    host = urlsplit(url).hostname
    return host if host in _HOSTS else "another host"


def _responses(endpoint: Endpoint) -> tuple[str, str, str]:
    """Format the statuses, the longest time and the rows of a path's responses."""
    if not endpoint.statuses:
        return "none", "-", "-"
    statuses = ", ".join(
        f"{status} x{times}" if times > 1 else str(status)
        for status, times in endpoint.statuses.items()
    )
    rows = "-"
    if endpoint.pages:
        least, most = min(endpoint.pages), max(endpoint.pages)
        rows = f"{most:,}" if least == most else f"{least:,} to {most:,}"
        rows += ", more follow" if endpoint.more else ""
    return statuses, f"{endpoint.slowest:.2f} s", rows


def _clock(api: Api) -> str:
    if api.ahead is None:
        return "not known"
    if api.ahead == 0:
        return "this machine's"
    side = "ahead of" if api.ahead > 0 else "behind"
    return f"{abs(api.ahead):,} s {side} this machine's"


def _limits(api: Api) -> str:
    return ", ".join(f"{name} {value}" for name, value in api.limits.items()) or "none"


def _either(types: Iterable[str]) -> str:
    *others, last = sorted(types)
    return f"{', '.join(others)} or {last}" if others else last


def _fields(found: Iterable[tuple[str, str]]) -> str:
    streams: dict[str, list[str]] = {}
    for stream, text in found:
        streams.setdefault(text, []).append(stream)
    texts = [f"{text} in {', '.join(names)}" for text, names in islice(streams.items(), _SHOWN)]
    if len(streams) > _SHOWN:
        texts.append(f"and {len(streams) - _SHOWN} more")
    return "; ".join(texts) or "none"


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _wrapped(text: str) -> str:
    return textwrap.fill(
        text, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )

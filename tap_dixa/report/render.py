"""A connection test's report, as a page that can be pasted into a bug report.

It holds no token, no ids and no values of fields: statuses, sizes, times, and names of fields.
"""

from __future__ import annotations

import platform
import textwrap
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tap_dixa.report.observe import FAILED, LACKING, Endpoint
from tap_dixa.streams.conversations import ConversationsStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_dixa.report.fields import Types
    from tap_dixa.report.observe import ConnectionReport

LARGE = 500_000_000
"""So many bytes a day are worth a smaller window."""

_CLOSE = 2
"""Servers write the same Date into all responses of a second, in seconds."""
_MOST_FIELDS = 20
"""So many fields that are new, or do not fit, are named."""
_MOST_PATHS = 60
"""So many fields of a record type are named."""
_WIDTH = 110
_HOSTS = {"exports.dixa.io", "dev.dixa.io", "127.0.0.1", "::1", "localhost"}
_CLAIM = "No token, no ids, no contents of records: this can be pasted into a bug report."


def render(report: ConnectionReport) -> str:
    """Write the report of a connection test."""
    with report.lock:
        sections = (_head, _endpoints, _tested_days, _findings, _advice)
        return "\n\n".join(section(report) for section in sections)


def _head(report: ConnectionReport) -> str:
    stream, settings = report.streams[0], report.settings
    return (
        f"{stream.tap_name} {stream.run.version}, "
        f"Singer SDK {version('singer-sdk')}, "
        f"Python {platform.python_version()}, {platform.system()}\n"
        f"{_CLAIM}\n"
        f"Exports API: {_host(settings.exports_api_url)}, requests_per_minute "
        f"{settings.requests_per_minute}, window_days {settings.window_days}, "
        f"lookback_seconds {settings.lookback_seconds}\n"
        f"Dixa API: {_host(settings.dixa_api_url)}; both: request_timeout_seconds "
        f"{settings.request_timeout_seconds}"
    )


def _host(url: str) -> str:
    host = urlsplit(url).hostname
    return host if host in _HOSTS else "another host"


def _endpoints(report: ConnectionReport) -> str:
    rows = [("Stream", "Path", "Status", "Slowest", "Rows of a page", "Result")]
    for stream in report.streams:
        result = report.results.get(stream.name, "not completed")
        requested = {
            path: endpoint
            for (name, path), endpoint in report.endpoints.items()
            if name == stream.name
        }
        for path, endpoint in (requested or {stream.path: Endpoint()}).items():
            rows.append((stream.name, path, *_responses(endpoint), result))
    return _table(rows)


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
        rows += ", more follow" if endpoint.has_more else ""
    return statuses, f"{endpoint.slowest:.2f} s", rows


def _tested_days(report: ConnectionReport) -> str:
    rows = [("Tested day", "Records", "Size", "Order")]
    for name, export in report.exports.items():
        order = ", ".join(sorted(export.orders)) or "not known"
        size = f"{export.size / 1e6:,.1f} MB"
        rows.append((name, f"{export.records:,}", size, order))
    return _table(rows)


def _findings(report: ConnectionReport) -> str:
    fields = report.fields
    compared = sum(fields.counts[stream.name] for stream in report.streams)
    findings = {
        "Bounds of filters": _bounds(report),
        "Clocks": "; ".join(
            f"{api}: {_clock(report.ahead.get(api))}" for api in ("Exports API", "Dixa API")
        ),
        "Records compared with their schemas": f"{compared:,}",
        "Fields that no schema has": _fields(fields.new),
        "Values that their field cannot hold": _fields(fields.misfits),
        **{
            f"Rows of {name}": ", ".join((f"{fields.counts[name]:,}", *_typed(types)[:_MOST_PATHS]))
            for name, types in fields.rows.items()
        },
    }
    return "\n".join(_wrapped(f"{name}: {text}") for name, text in findings.items())


def _bounds(report: ConnectionReport) -> str:
    if ConversationsStream.name not in report.exports:
        return "not known: conversations could not be read"
    if report.conversation_at is None:
        return "not known: no conversation changed in the tested day"
    words = {True: "inclusive", False: "exclusive", None: "not known, the request failed"}
    return ", ".join(
        f"updated_{side} {words[report.inclusive.get(side)]}" for side in ("after", "before")
    )


def _clock(ahead: float | None) -> str:
    if ahead is None:
        return "not known"
    if abs(ahead) < _CLOSE:
        return "same as this machine's"
    return f"{abs(ahead):,.0f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"


def _fields(types_of: dict[str, Types]) -> str:
    """Write fields and their types, with the streams that have them."""
    streams: dict[str, list[str]] = {}
    for stream, types in types_of.items():
        for text in _typed(types):
            streams.setdefault(text, []).append(stream)
    texts = [f"{text} in {', '.join(names)}" for text, names in streams.items()]
    if len(texts) > _MOST_FIELDS:
        texts[_MOST_FIELDS:] = [f"and {len(texts) - _MOST_FIELDS} more"]
    return "; ".join(texts) or "none"


def _typed(types: Types) -> list[str]:
    """Write the path of each field with its types."""
    return [f"{path} ({' or '.join(sorted(names))})" for path, names in types.items()]


def _advice(report: ConnectionReport) -> str:
    lines = [*_about_statuses(report), *_about_settings(report), *_about_fields(report)]
    return "\n".join(["What to do:", *(_wrapped(f"- {line}") for line in lines or ["Nothing."])])


def _about_statuses(report: ConnectionReport) -> Iterator[str]:
    def refused(*statuses: int) -> dict[str, None]:
        return {
            name: None
            for (name, _), endpoint in report.endpoints.items()
            if not endpoint.statuses.keys().isdisjoint(statuses)
        }

    if denied := refused(HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        yield (
            f"{', '.join(denied)}: api_token has no access (401, 403). Make a token that has, or "
            "deselect what you do not need."
        )
    # A path that is under /beta only has a 404 too, and works.
    unread = {
        stream.name
        for stream in report.streams
        if (result := report.results.get(stream.name, "")).startswith(FAILED)
        or (result == LACKING and stream.selected_by_default)
    }
    if missing := [name for name in refused(HTTPStatus.NOT_FOUND) if name in unread]:
        yield (
            f"{', '.join(missing)}: there is nothing at this path (404). Deselect it, unless "
            "exports_api_url or dixa_api_url is wrong."
        )
    if too_many := refused(HTTPStatus.TOO_MANY_REQUESTS):
        yield (
            f"{', '.join(too_many)}: rate limit exceeded (429). Give the tap a token of "
            "its own, or lower requests_per_minute."
        )


def _about_settings(report: ConnectionReport) -> Iterator[str]:
    settings = report.settings
    slow = dict.fromkeys(
        name
        for (name, _), endpoint in report.endpoints.items()
        if endpoint.slowest > settings.request_timeout_seconds / 3
    )
    if slow:
        yield (
            f"{', '.join(slow)}: a response took more than a third of request_timeout_seconds to "
            "begin. Raise it, or lower window_days if the stream is one with windows."
        )
    for name, export in report.exports.items():
        if export.size > LARGE:
            yield (
                f"{name}: a day has {export.size / 1e6:,.0f} MB, and all of a window is on disk at "
                "once. Lower window_days."
            )
    for api, ahead in report.ahead.items():
        if abs(ahead) > max(settings.lookback_seconds, _CLOSE):
            yield (
                f"{api}: its clock and this machine's differ by more than lookback_seconds. Set "
                "this machine's clock, or raise lookback_seconds."
            )


def _about_fields(report: ConnectionReport) -> Iterator[str]:
    if report.fields.new:
        yield (
            "The fields that no schema has are in additional_properties, so nothing is lost. "
            "Please report them."
        )
    if report.fields.misfits:
        yield (
            "The values that their field cannot hold are in additional_properties, so nothing is "
            "lost. Please report their types."
        )


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

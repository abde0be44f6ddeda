"""A connection test's report, as a page that can be pasted into a bug report.

It holds no token, no ids and no values of fields: statuses, sizes, times, and names of fields.
"""

from __future__ import annotations

import platform
import textwrap
from importlib.metadata import version
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tap_dixa.report.advice import what_to_do
from tap_dixa.report.observations import Endpoint
from tap_dixa.streams.conversations import ConversationsStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tap_dixa.report.observations import Api, Observations

_SHOWN = 20
"""So many fields are named."""
_WIDTH = 110
_HOSTS = {"exports.dixa.io", "dev.dixa.io", "127.0.0.1", "::1", "localhost"}
_CLAIM = "No token, no ids, no contents of records: this can be pasted into a bug report."


def render(seen: Observations) -> str:
    """Write the report of what was observed."""
    sections = (_head, _about_streams, _about_days, _findings, _advice)
    return "\n\n".join(section(seen) for section in sections)


def _head(seen: Observations) -> str:
    stream, settings = seen.streams[0], seen.settings
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


def _about_streams(seen: Observations) -> str:
    rows = [("Stream", "Path", "Status", "Slowest", "Rows of a page", "Result")]
    for stream in seen.streams:
        name = stream.name
        result = seen.results.get(name, "not completed")
        endpoints = {
            path: endpoint for (owner, path), endpoint in seen.endpoints.items() if owner == name
        }
        for path, endpoint in (endpoints or {stream.path: Endpoint()}).items():
            rows.append((name, path, *_responses(endpoint), result))
    return _table(rows)


def _about_days(seen: Observations) -> str:
    rows = [("Tested day", "Records", "Size", "Time", "Compression", "Order")]
    for name, export in seen.exports.items():
        path = next(stream.path for stream in seen.streams if stream.name == name)
        endpoint = seen.endpoints[export.stream, path]
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


def _findings(seen: Observations) -> str:
    records = sum(check.records for check in seen.checks.values())
    findings = {
        "Bounds of filters": _bounds(seen),
        "Clocks": "; ".join(f"{name}: {_clock(api)}" for name, api in seen.apis.items()),
        "Rate-limit headers": "; ".join(
            f"{name}: {_limits(api)}" for name, api in seen.apis.items()
        ),
        "Records compared with their schemas": f"{records:,}",
        "Fields that no schema has": _fields(
            (name, f"{path} ({_either(types)})")
            for name, check in seen.checks.items()
            for path, types in check.unknown.items()
        ),
        "Types that no schema allows": _fields(
            (name, f"{path} ({_either(types)}, not {_either(allowed)})")
            for name, check in seen.checks.items()
            for path, (types, allowed) in check.unexpected.items()
        ),
        **{
            f"Rows of {stream} {kind}": f"{shape.rows:,}, {shape}"
            for (stream, kind), shape in seen.shapes.items()
        },
    }
    return "\n".join(_wrapped(f"{name}: {text}") for name, text in findings.items())


def _bounds(seen: Observations) -> str:
    if ConversationsStream.name not in seen.exports:
        return "not known: conversations could not be read"
    if seen.conversation_at is None:
        return "not known: no conversation changed in the tested day"
    words = {True: "inclusive", False: "exclusive", None: "not known, the request failed"}
    return ", ".join(
        f"updated_{side} {words[seen.inclusive.get(side)]}" for side in ("after", "before")
    )


def _advice(seen: Observations) -> str:
    lines = [_wrapped(f"- {line}") for line in what_to_do(seen) or ["Nothing."]]
    return "\n".join(["What to do:", *lines])


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
        return "same as this machine's"
    side = "ahead of" if api.ahead > 0 else "behind"
    return f"{abs(api.ahead):,} s {side} this machine's"


def _limits(api: Api) -> str:
    return ", ".join(f"{name} {value}" for name, value in api.limits.items()) or "none"


def _either(types: Iterable[str]) -> str:
    *others, last = sorted(types)
    return f"{', '.join(others)} or {last}" if others else last


def _fields(fields: Iterable[tuple[str, str]]) -> str:
    streams: dict[str, list[str]] = {}
    for stream, text in fields:
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

"""A connection test's report, as a page that can be pasted into a bug report.

It holds no token, no ids and no values of fields: statuses, counts, times, and names of fields.
"""

import platform
import textwrap
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from urllib.parse import urlsplit

from tap_dixa.report.observe import LACKING, ConnectionReport, Fields
from tap_dixa.report.summary import table
from tap_dixa.schemas import ADDITIONAL

_CLOSE = 2
"""Servers write the same Date into all responses of a second, in seconds."""
_WIDTH = 80
_HOSTS = {"exports.dixa.io", "dev.dixa.io", "127.0.0.1", "::1", "localhost"}


def render(report: ConnectionReport) -> str:
    """Write the report of a connection test."""
    with report.lock:
        sections = (_head, _responses, _days, _findings, _advice)
        return "\n\n".join("\n".join(section(report)) for section in sections)


def _head(report: ConnectionReport) -> Iterator[str]:
    stream, settings = report.streams[0], report.streams[0].run.settings
    yield _wrapped(
        f"{stream.tap_name} {stream.run.version}, Singer SDK {version('singer-sdk')}, "
        f"Python {platform.python_version()}, {platform.system()}"
    )
    yield "No token, no ids, no contents of records: this can be pasted into an issue."
    yield _wrapped(
        f"Exports API: {_host(settings.exports_api_url)}, requests_per_minute "
        f"{settings.requests_per_minute}, window_days {settings.window_days}, "
        f"lookback_seconds {settings.lookback_seconds}"
    )
    yield (
        f"Dixa API: {_host(settings.dixa_api_url)}; both: request_timeout_seconds "
        f"{settings.request_timeout_seconds}"
    )


def _host(url: str) -> str:
    host = urlsplit(url).hostname
    return host if host in _HOSTS else "another host"


def _responses(report: ConnectionReport) -> Iterator[str]:
    rows = [("Stream", "Result")]
    for stream in report.streams:
        rows.append((stream.name, report.results.get(stream.name, "not completed")))
        for path, statuses in (report.statuses[stream.name] or {stream.path: Counter()}).items():
            counts = ", ".join(f"{status} x{times}" for status, times in statuses.items())
            rows.append((f"  {path}", counts or "none"))
    return table(rows)


def _days(report: ConnectionReport) -> Iterator[str]:
    rows = [("Tested day", "Records", "Size", "Order")]
    keys = {stream.name: stream.replication_key for stream in report.streams}
    for name, day in report.days.items():
        order = f"{', '.join(sorted(day.orders)) or 'not known'} by {keys[name]}"
        rows.append((name, f"{day.records:,}", f"{day.size / 1e6:,.1f} MB", order))
    return table(rows)


def _findings(report: ConnectionReport) -> Iterator[str]:
    words = {True: "inclusive", False: "exclusive", None: "not known"}
    sides = (f"{field}_{side}" for field in ("created", "updated") for side in ("after", "before"))
    bounds = (f"{side} {words[report.inclusive.get(side)]}" for side in sides)
    yield _wrapped(f"Bounds of filters: {', '.join(bounds)}")
    clocks = (f"{api}: {_clock(ahead)}" for api, ahead in report.ahead.items())
    yield _wrapped(f"Clocks: {'; '.join(clocks) or 'not known'}")
    yield f"Records compared with their schemas: {report.compared:,}"
    for title, moved in (
        ("Fields that no schema has", report.new),
        ("Values that their field cannot hold", report.misfits),
    ):
        texts = (f"{name}: {_types(fields)}" for name, fields in moved.items())
        yield _wrapped(f"{title}: {'; '.join(texts) or 'none'}")
    for name, fields in report.rows.items():
        yield _wrapped(f"Rows of {name}: {report.described[name]:,}, {_types(fields)}")


def _types(fields: Fields) -> str:
    return ", ".join(f"{path} ({' or '.join(sorted(types))})" for path, types in fields.items())


def _clock(ahead: float) -> str:
    if abs(ahead) < _CLOSE:
        return "same as this machine's"
    return f"{abs(ahead):,.0f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"


def _advice(report: ConnectionReport) -> Iterator[str]:
    def answered(*statuses: int) -> list[str]:
        return [
            name
            for name, paths in report.statuses.items()
            if any(counts[status] for counts in paths.values() for status in statuses)
        ]

    not_found = [
        stream.name
        for stream in report.streams
        if (result := report.results.get(stream.name)) == "failed: NotFoundError"
        or (result == LACKING and stream.selected_by_default)
    ]
    run = report.streams[0].run
    sessions = {"Exports API": run.exports_session, "Dixa API": run.dixa_api_session}
    unreachable = [api for api, session in sessions.items() if session.unreachable is not None]
    failed = [
        name
        for name, result in report.results.items()
        if result.startswith("failed: ") and name not in not_found and not unreachable
    ]
    farthest = max(report.streams[0].run.settings.lookback_seconds, _CLOSE)
    advice = {
        "api_token has no access (401, 403). Make a token that has, or deselect what you do not "
        "need.": answered(401, 403),
        "there is nothing at this path (404). Deselect it, unless exports_api_url or dixa_api_url "
        "is wrong.": not_found,
        "rate limit exceeded (429). Unless another run has just ended, give the tap a token of its "
        "own, or lower requests_per_minute.": answered(429),
        "this clock and this machine's differ by more than lookback_seconds. Set this machine's "
        "clock, or raise lookback_seconds.": [
            api for api, ahead in report.ahead.items() if abs(ahead) > farthest
        ],
        "no response came from it at all. Check the network, the proxy and the address: the last "
        "line of the log names it, and the reason.": unreachable,
        "this failed. The last line of the log says why, and what to do.": failed,
        "it has the fields that no schema has and the values that do not fit, so nothing is lost. "
        "Please report their names and types.": [ADDITIONAL]
        if report.new or report.misfits
        else [],
    }
    lines = [_wrapped(f"- {', '.join(names)}: {text}") for text, names in advice.items() if names]
    yield from ("What to do:", *(lines or ["- Nothing."]))


def _wrapped(text: str) -> str:
    return textwrap.fill(
        text, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )

"""Advice at the end of the report: which setting helps."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from tap_dixa.report.observations import FAILED, LACKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from tap_dixa.report.field_check import FieldCheck
    from tap_dixa.report.observations import Api, Endpoint, Export, Observations
    from tap_dixa.settings import Settings

LARGE = 500_000_000
"""So many bytes a day are worth a smaller window."""


def what_to_do(seen: Observations) -> list[str]:
    """Give all advice, a line each; none if Dixa is as the tap assumes."""
    unread = [
        stream.name
        for stream in seen.streams
        if (result := seen.results.get(stream.name, "")).startswith(FAILED)
        or (result == LACKING and stream.selected_by_default)
    ]
    return [
        *_about_statuses(seen.endpoints, unread),
        *_about_size_and_time(seen.exports, seen.endpoints, seen.settings),
        *_about_clocks_and_limits(seen.apis, seen.exports_api, seen.settings),
        *_about_fields(seen.checks.values()),
    ]


def _about_statuses(
    endpoints: Mapping[tuple[str, str], Endpoint], unread: Collection[str]
) -> Iterator[str]:
    """Give advice about streams that Dixa refused.

    Args:
        endpoints: What was noted of each stream and path.
        unread: The streams that failed, or that the account lacks.
    """
    refused: dict[int, dict[str, None]] = {}
    for (stream, _), endpoint in endpoints.items():
        for status in endpoint.statuses:
            refused.setdefault(status, {})[stream] = None
    denied = {
        **refused.get(HTTPStatus.UNAUTHORIZED, {}),
        **refused.get(HTTPStatus.FORBIDDEN, {}),
    }
    if denied:
        yield (
            f"{', '.join(denied)}: api_token has no access (401, 403). Make a token that has, or "
            "deselect what you do not need."
        )
    # A path that is under /beta only has a 404 too, and works.
    missing = [name for name in refused.get(HTTPStatus.NOT_FOUND, {}) if name in unread]
    if missing:
        yield (
            f"{', '.join(missing)}: there is nothing at this path (404). Deselect it, unless "
            "exports_api_url or dixa_api_url is wrong."
        )
    if too_many := refused.get(HTTPStatus.TOO_MANY_REQUESTS):
        yield (
            f"{', '.join(too_many)}: rate limit exceeded (429). Give the tap a token of "
            "its own, or lower requests_per_minute."
        )


def _about_size_and_time(
    exports: Mapping[str, Export],
    endpoints: Mapping[tuple[str, str], Endpoint],
    settings: Settings,
) -> Iterator[str]:
    """Give advice about large and slow responses.

    Args:
        exports: What was noted of each stream that is read by time.
        endpoints: What was noted of each stream and path.
        settings: The tap's settings.
    """
    slow = dict.fromkeys(
        name
        for (name, _), endpoint in endpoints.items()
        if endpoint.slowest > settings.request_timeout_seconds / 3
    )
    if slow:
        yield (
            f"{', '.join(slow)}: a response took more than a third of request_timeout_seconds to "
            "begin. Raise it, or lower window_days if the stream is one with windows."
        )
    for name, export in exports.items():
        if export.size > LARGE:
            yield (
                f"{name}: a day has {export.size / 1e6:,.0f} MB, and all of a window is on disk at "
                "once. Lower window_days."
            )
        if export.parts > 1:
            yield (
                f"{name}: Dixa could not export a day at once, so the tap requested it in "
                f"{export.parts} parts. Set window_days to 1."
            )


def _about_clocks_and_limits(
    apis: Mapping[str, Api], limited: Api, settings: Settings
) -> Iterator[str]:
    """Give advice about clocks and rate limits.

    Args:
        apis: What was noted of each API, by its name.
        limited: The one whose limit is a setting: the Exports API.
        settings: The tap's settings.
    """
    for name, api in apis.items():
        if abs(api.ahead or 0) > settings.lookback_seconds:
            yield (
                f"{name}: its clock and this machine's differ by more than lookback_seconds. Set "
                "this machine's clock, or raise lookback_seconds."
            )
    for header, most in limited.requests_per_minute().items():
        if most < settings.requests_per_minute:
            yield (
                f"{header} allows fewer requests than requests_per_minute does. Set it to "
                f"{max(most, 1)}, if the header is a limit per minute."
            )


def _about_fields(checks: Collection[FieldCheck]) -> Iterator[str]:
    """Give advice about fields that the schemas do not know."""
    if any(check.unknown for check in checks):
        yield (
            "The fields that no schema has are in additional_properties, so nothing is lost. "
            "Please report them."
        )
    if any(check.unexpected for check in checks):
        yield "Please report the types that no schema allows."

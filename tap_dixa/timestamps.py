"""Convert times: Unix ms, RFC 3339, and dates that people write.

Everything here is UTC whatever the machine's time zone, and exact to the millisecond:
no floating-point number is involved.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta

DAY = 86_400_000
"""A day in ms."""

EARLIEST, LATEST = -62_135_596_800_000, 253_402_300_799_999
"""The first and last ms, of the years 1 to 9999, that can be written as RFC 3339."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_HOUR = 3_600_000
_CACHED_HOURS = 10_000
_YEAR_FIRST = re.compile(
    r"(\d{4})(?:([-/])(\d\d?)\2(\d\d?)|(\d\d)(\d\d))(?:[T ] *(\d.*))?", re.ASCII
)
_UNIX_MS = re.compile(r"\d{13}", re.ASCII)
_ISO = re.compile(r"\d{4}(-?)\d\d\1\d\d(?:[T ]\d[^\s\[\]]*)?", re.ASCII)
_ZONE_NAME = re.compile(r"(?i:(Z|[+-]\d\d:?\d\d)\[[\w/+-]+\])$", re.ASCII)
"""The name of a zone behind an offset, ``[GMT]``, which the Dixa API writes."""

# A record has ten times or so: looking texts up beats formatting numbers.
_SECONDS = tuple(f"{minute:02d}:{second:02d}." for minute in range(60) for second in range(60))
_MILLISECONDS = tuple(f"{millisecond:03d}Z" for millisecond in range(1000))


class _Hours(dict[int, str]):
    """The text of each hour met, by its number since the epoch."""

    def __missing__(self, number: int) -> str:
        if len(self) >= _CACHED_HOURS:
            self.clear()
        text = self[number] = (_EPOCH + timedelta(hours=number)).isoformat()[:14]
        return text


_HOURS = _Hours()


def to_rfc3339(milliseconds: int) -> str:
    """Format a point in time as targets read it.

    Args:
        milliseconds: Unix time in ms.

    Returns:
        RFC 3339 in UTC with three decimals, like ``2025-01-31T08:05:00.250Z``. Such texts
        sort as the times they stand for.

    Raises:
        OverflowError: The time is outside the years 1 to 9999.
    """
    rest = milliseconds % _HOUR
    return _HOURS[milliseconds // _HOUR] + _SECONDS[rest // 1000] + _MILLISECONDS[rest % 1000]


def normalize(text: str) -> str:
    """Format a point in time that Dixa sent as a text like `to_rfc3339` does.

    Args:
        text: See `parse_record_time`.

    Raises:
        ValueError: The text is not a time, or could mean several.
        OverflowError: The time is outside the years 1 to 9999.
    """
    return to_rfc3339(parse_record_time(text))


def parse_record_time(text: str) -> int:
    """Parse a point in time that Dixa sent as a text.

    Args:
        text: ISO 8601, also the compact ``20250131``, also with the name of its zone behind an
            offset, ``2025-01-31T09:05:00Z[GMT]``; or Unix time in ms, of 13 digits. Fewer or more
            digits may be seconds, or a date and a time.

    Returns:
        Unix time in ms.

    Raises:
        ValueError: The text is not a time, or could mean several.
    """
    text = _ZONE_NAME.sub(r"\1", text.strip()).upper()
    if _UNIX_MS.fullmatch(text):
        return int(text)  # public connectors type some of the ratings' times as texts
    with suppress(ValueError):
        if _ISO.fullmatch(text):
            return parse(text)
    raise ValueError("not a clear time")  # the text may be anything, and this is for the log


def to_milliseconds(time: datetime) -> int:
    """Convert a datetime to Unix time in ms, rounded down.

    Args:
        time: An aware datetime, or a naive one, which is taken as UTC.
    """
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return (time - _EPOCH) // _MILLISECOND


def parse_user_date(text: str) -> int:
    """Parse a date or a time as a person writes it, if it can mean only one thing.

    Whoever writes the year first writes the month next: ``2025-01-31``, ``2025-1-31``,
    ``2025/01/31`` and ``20250131`` are clear. ``01/02/2025`` is a day in January or in February.

    Args:
        text: A date (midnight UTC), or a date and after a ``T`` or a space the time, such as
            ``09:05`` or ``09:05:00+01:00``. A time without an offset is UTC.

    Returns:
        Unix time in ms.

    Raises:
        ValueError: The text is not a date, or is ambiguous.
    """
    match = _YEAR_FIRST.fullmatch(text.strip().upper())
    if match is None:
        raise ValueError(text)
    year, _, month, day, compact_month, compact_day, clock = match.groups()
    date = f"{year}-{month or compact_month:0>2}-{day or compact_day:0>2}"
    return parse(f"{date}T{clock}" if clock else date)


def parse(text: str) -> int:
    """Parse a date or a time as programs and state files write it.

    Args:
        text: ISO 8601, such as ``2025-01-31`` (midnight UTC) or ``2025-01-31T09:05:00+01:00``.
            A time without an offset is UTC.

    Returns:
        Unix time in ms.

    Raises:
        ValueError: The text is not a date.
    """
    return to_milliseconds(datetime.fromisoformat(text.strip()))

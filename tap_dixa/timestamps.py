"""Convert times: Unix ms, RFC 3339, and dates that people write.

Everything here is UTC whatever the machine's time zone, and exact to the millisecond:
no floating-point number is involved.
"""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache

DAY = 86_400_000
"""A day in ms."""

EARLIEST, LATEST = -62_135_596_800_000, 253_402_300_799_999
"""The first and last ms, of the years 1 to 9999, that can be written as RFC 3339."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_HOUR = 3_600_000
_YEAR_FIRST = re.compile(
    r"(\d{4})(?:([-/])(\d\d?)\2(\d\d?)|(\d\d)(\d\d))(?:[T ] *(\d.*))?", re.ASCII
)
_UNIX_MS = re.compile(r"\d{13}", re.ASCII)
_ISO = re.compile(
    r"(\d{4}(-?)\d\d\2\d\d(?:[T ]\d[^\s\[\]]*)?)"
    # The name of a zone behind an offset, which the Dixa API writes.
    r"(?:(?:(?<=Z)|(?<=[+-]\d{4})|(?<=[+-]\d\d:\d\d))\[[\w/+-]+\])?",
    re.ASCII,
)

# A record has ten times or so: looking texts up beats formatting numbers.
_SECONDS = tuple(f"{minute:02d}:{second:02d}." for minute in range(60) for second in range(60))
_MILLISECONDS = tuple(f"{millisecond:03d}Z" for millisecond in range(1000))


@lru_cache(maxsize=10_000)
def _text_of_hour(hours: int) -> str:
    """Format the beginning of an hour, so many after the epoch, up to the colon."""
    return (_EPOCH + timedelta(hours=hours)).isoformat()[:14]


def to_rfc3339(milliseconds: int) -> str:
    """Format Unix time in ms as RFC 3339 in UTC, like ``2025-01-31T08:05:00.250Z``.

    Such texts sort as the times they stand for.

    Raises:
        OverflowError: The time is outside the years 1 to 9999.
    """
    hour, rest = milliseconds // _HOUR, milliseconds % _HOUR
    return _text_of_hour(hour) + _SECONDS[rest // 1000] + _MILLISECONDS[rest % 1000]


def normalize(text: str) -> str:
    """Format a point in time that Dixa sent as a text like `to_rfc3339` does.

    Raises:
        ValueError: The text is not a time, or could mean several.
        OverflowError: The time is outside the years 1 to 9999.
    """
    return to_rfc3339(parse_record_time(text))


def parse_record_time(text: str) -> int:
    """Parse a point in time that Dixa sent as a text, to Unix ms.

    It is ISO 8601, also the compact ``20250131``, also with the name of its zone behind an offset,
    ``2025-01-31T09:05:00Z[GMT]``; or Unix time in ms, of 13 digits. Fewer or more digits may be
    seconds, or a date and a time.

    Raises:
        ValueError: The text is not a time, or could mean several.
    """
    text = text.strip().upper()
    if _UNIX_MS.fullmatch(text):
        return int(text)  # public connectors type some of the ratings' times as texts
    with suppress(ValueError):
        if match := _ISO.fullmatch(text):
            return parse(match[1])
    raise ValueError("not a clear time")  # the text may be anything, and this is for the log


def to_milliseconds(time: datetime) -> int:
    """Convert a datetime to Unix time in ms, rounded down. A naive one is taken as UTC."""
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return (time - _EPOCH) // _MILLISECOND


def parse_user_date(text: str) -> int:
    """Parse a date or a time as a person writes it, if it can mean only one thing, to Unix ms.

    Whoever writes the year first writes the month next: ``2025-01-31``, ``2025-1-31``,
    ``2025/01/31`` and ``20250131`` are clear. ``01/02/2025`` is a day in January or in February.
    A time may follow, after a ``T`` or a space; without an offset it is UTC.

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
    """Parse ISO 8601, as programs and state files write it, to Unix ms, or raise ValueError.

    A date is its midnight. Without an offset it is UTC.
    """
    return to_milliseconds(datetime.fromisoformat(text.strip()))

"""When customers write: a busy desk's week, hour by hour.

Pure functions of time and a rate, so that any two sandboxes with the same rate agree on the
past, whenever each was started. All times are Unix ms, UTC.
"""

from bisect import bisect_right
from datetime import UTC, datetime
from itertools import accumulate

HOUR = 3_600_000
DAY = 24 * HOUR
WEEK = 7 * DAY

_ORIGIN = int(datetime(2018, 1, 1, tzinfo=UTC).timestamp()) * 1000  # a Monday

# Relative load of each hour of a working day, and of each day of the week.
_HOURS = (1, 1, 1, 1, 1, 2, 4, 9, 14, 17, 18, 16, 13, 15, 16, 15, 13, 10, 8, 7, 6, 5, 3, 2)
_DAYS = (1.2, 1.1, 1.0, 1.0, 0.95, 0.4, 0.35)

_BEFORE = (0.0, *accumulate(day * hour for day in _DAYS for hour in _HOURS))
_PER_WEEK = _BEFORE[-1]


def load_until(time: int) -> float:
    """The load that has come up to a time since a fixed origin, as a share of weeks."""
    weeks, rest = divmod(time - _ORIGIN, WEEK)
    hour, part = divmod(rest, HOUR)
    within = _BEFORE[hour] + (_BEFORE[hour + 1] - _BEFORE[hour]) * part / HOUR
    return weeks + within / _PER_WEEK


def time_of(load: float) -> int:
    """The time up to which so much load has come: the inverse of `load_until`."""
    weeks, part = divmod(load, 1)
    within = part * _PER_WEEK
    hour = min(bisect_right(_BEFORE, within) - 1, len(_BEFORE) - 2)
    share = (within - _BEFORE[hour]) / (_BEFORE[hour + 1] - _BEFORE[hour])
    return _ORIGIN + int(weeks) * WEEK + int((hour + share) * HOUR)

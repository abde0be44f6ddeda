"""Read the query of a request as Dixa does, and refuse what Dixa refuses."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.exceptions import HTTPException

from tap_dixa_sandbox import times

_LONGEST = 31 * 86_400_000


class BadQueryError(HTTPException):
    """Dixa responds to this query with 400."""

    def __init__(self, message: str) -> None:
        super().__init__(400, message)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Whether the filters include their bounds. Dixa does not document it."""

    after_inclusive: bool = True
    before_inclusive: bool = True


@dataclass(frozen=True, slots=True)
class Interval:
    """The interval of a pair of filters, in Unix ms."""

    after: int
    before: int
    bounds: Bounds

    def __call__(self, time: int) -> bool:
        """Whether a time lies inside."""
        low = time >= self.after if self.bounds.after_inclusive else time > self.after
        return low and (time <= self.before if self.bounds.before_inclusive else time < self.before)


def intervals(
    query: Mapping[str, str], fields: tuple[str, ...], bounds: Bounds
) -> dict[str, Interval]:
    """Read the pairs of time filters.

    Args:
        query: The request's query parameters.
        fields: The times that can be filtered by: ``created`` stands for ``created_after`` and
            ``created_before``.
        bounds: Whether the filters include their bounds.

    Returns:
        The interval of each time that is filtered by.

    Raises:
        BadQueryError: There is no pair, or half of one, or it spans more than 31 days, or
            a value is neither Unix ms nor ``yyyy-mm-dd``.
    """
    found = {}
    for field in fields:
        values = [query.get(f"{field}_{side}") for side in ("after", "before")]
        if values == [None, None]:
            continue
        if None in values:
            raise BadQueryError(f"{field}_after and {field}_before must both be given")
        after, before = (_milliseconds(str(value)) for value in values)
        if before < after:
            raise BadQueryError(f"{field}_before is earlier than {field}_after")
        if before - after > _LONGEST:
            raise BadQueryError(f"{field}_after and {field}_before span more than 31 days")
        found[field] = Interval(after, before, bounds)
    return found


def log_interval(query: Mapping[str, str]) -> tuple[int, int]:
    """Read ``fromDatetime`` and ``toDatetime``, in Unix ms; either may be missing.

    Raises:
        BadQueryError: One is not ``yyyy-MM-ddTHH:mm:ssZ``, or they are the wrong way round.
    """
    bounds = {"fromDatetime": 0, "toDatetime": sys.maxsize}
    for name in bounds.keys() & query.keys():
        try:
            bounds[name] = times.read(query[name])
        except ValueError:
            raise BadQueryError(f"Invalid value for: query parameter {name}") from None
    if bounds["toDatetime"] < bounds["fromDatetime"]:
        raise BadQueryError("toDatetime is earlier than fromDatetime")
    return bounds["fromDatetime"], bounds["toDatetime"]


def ids(query: Mapping[str, str]) -> set[int] | None:
    """Read ``csids``, comma-separated conversation ids; None if it is not there.

    Raises:
        BadQueryError: One of them is not an id.
    """
    if "csids" not in query:
        return None
    try:
        return {int(text) for text in query["csids"].split(",")}
    except ValueError:
        raise BadQueryError("csids must be conversation ids, separated by commas") from None


def _milliseconds(value: str) -> int:
    try:
        if value.isdecimal():
            return int(value)
        day = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise BadQueryError(f"{value!r} is neither Unix milliseconds nor yyyy-mm-dd") from None
    return int(day.timestamp()) * 1000

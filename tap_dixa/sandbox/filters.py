"""Read a request's query as Dixa does, and refuse what Dixa refuses."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tap_dixa.sandbox import times

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST = 31 * 86_400_000


class BadQueryError(Exception):
    """The query is not one that Dixa answers: 400."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Whether a filter includes its own value. Dixa does not say; a sandbox can be told."""

    after_inclusive: bool = True
    before_inclusive: bool = True


@dataclass(frozen=True, slots=True)
class Interval:
    """What a pair of filters lets pass, in Unix ms."""

    after: int
    before: int
    bounds: Bounds

    def __call__(self, moment: int) -> bool:
        """Whether a moment lies inside."""
        low = moment >= self.after if self.bounds.after_inclusive else moment > self.after
        return low and (
            moment <= self.before if self.bounds.before_inclusive else moment < self.before
        )


def intervals(
    query: Mapping[str, str], fields: tuple[str, ...], bounds: Bounds
) -> dict[str, Interval]:
    """Read the pairs of time filters.

    Args:
        query: The request's query parameters.
        fields: What can be filtered on: ``created`` stands for ``created_after`` and
            ``created_before``.
        bounds: How the filters treat their own values.

    Returns:
        The interval of each field that is filtered on.

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
        after, before = (_moment(str(value)) for value in values)
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
    moments = {"fromDatetime": 0, "toDatetime": sys.maxsize}
    for name in moments.keys() & query.keys():
        try:
            moments[name] = times.read(query[name])
        except ValueError:
            raise BadQueryError(f"Invalid value for: query parameter {name}") from None
    if moments["toDatetime"] < moments["fromDatetime"]:
        raise BadQueryError("toDatetime is earlier than fromDatetime")
    return moments["fromDatetime"], moments["toDatetime"]


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


def _moment(value: str) -> int:
    try:
        if value.isdecimal():
            return int(value)
        day = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise BadQueryError(f"{value!r} is neither Unix milliseconds nor yyyy-mm-dd") from None
    return int(day.timestamp()) * 1000

"""The last lines of a run: what was read of each stream, and what the next run will do."""

import textwrap
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise

from tap_dixa.errors import RetriesExhaustedError
from tap_dixa.streams.base import DixaStream
from tap_dixa.timestamps import to_rfc3339

_WIDTH = 100
"""How wide the lines are at most, in columns."""


class Summary:
    """Notes how the streams of a run are synced, in order, and sums it up, at any time.

    Args:
        streams: Those that are selected.
    """

    def __init__(self, streams: Sequence[DixaStream]) -> None:
        self._selected = streams
        self._begun: list[float] = []
        """When each stream was begun so far, in seconds."""
        self._ended: set[str] = set()
        self.failed: dict[str, Exception] = {}

    def begin(self) -> None:
        """Note that the next stream is begun."""
        self._begun.append(time.monotonic())

    def end(self, stream: DixaStream, error: Exception | None = None) -> None:
        """Note that a stream is synced or skipped, or that an error has ended it."""
        self._ended.add(stream.name)
        if error is not None:
            self.failed[stream.name] = error

    def lines(self, *, reasons: bool) -> Iterator[str]:
        """Write it, with the reasons why streams failed if no error follows that says them."""
        times = [*self._begun, time.monotonic()]
        rows = [("Stream", "Records", "From (UTC)", "To (UTC)", "Seconds", "")]
        for stream, (begun, ended) in zip(self._selected, pairwise(times), strict=False):
            first, last = map(_minute, stream.run.read.get(stream.name, (None, None)))
            seconds = f"{ended - begun:,.1f}"
            rows.append((stream.name, _records(stream), first, last, seconds, self._end_of(stream)))
        total = f"{times[-1] - times[0]:,.1f}"
        rows.append(("Total", _records(*self._selected), "", "", total, ""))
        yield from table(rows, right=("Records", "Seconds"))
        texts = {"Not read": ", ".join(each.name for each in self._selected[len(self._begun) :])}
        skipped = {each.name: each.skipped for each in self._selected if each.skipped}
        texts["Skipped"] = described(skipped)
        texts["Failed"] = described(self.failed) if reasons else ""
        texts["Next run"] = ", ".join(self._next())
        for title, text in texts.items():
            if text:
                yield from textwrap.wrap(f"{title}: {text}", _WIDTH, subsequent_indent="  ")

    def _end_of(self, stream: DixaStream) -> str:
        if stream.skipped:
            return "skipped"
        if stream.name in self.failed:
            return "failed"
        return "" if stream.name in self._ended else "stopped"

    def _next(self) -> Iterator[str]:
        moved = (each for each in self._selected if not each.run.settings.conversation_ids)
        starts = {each.name: each.next_start for each in moved}
        for name, start in starts.items():
            if start is not None:
                yield f"{name} from {_minute(start)}"
        if None in starts.values():
            yield "full-table streams whole"


def describe_failures(failed: Mapping[str, Exception], selected: int) -> str:
    """Say in one line which streams failed of so many, and why."""
    reasons = described(failed)
    if selected == 1:
        return reasons
    if len(failed) < selected:
        return f"{len(failed)} of {selected} streams failed, the others were synced: {reasons}"
    names = f"{', '.join(failed)}: "
    return f"all {selected} streams failed: {reasons.removeprefix(names)}"


def described(errors: Mapping[str, Exception]) -> str:
    """Say why streams failed or were skipped: each reason once, after the streams that share it."""
    sharing: dict[str, list[str]] = defaultdict(list)
    texts = {}
    for name, error in errors.items():
        prefix, _, rest = str(error).partition(": ")
        texts[name] = rest if prefix in errors else str(error)
        reason = error.reason if isinstance(error, RetriesExhaustedError) else None
        sharing[reason or texts[name]].append(name)
    parts = []
    for reason, names in sharing.items():
        different = dict.fromkeys(texts[name] for name in names)
        places = dict.fromkeys(getattr(errors[name], "address", "") for name in names)
        text = next(iter(different)) if len(different) == 1 else f"{' and '.join(places)} {reason}"
        parts.append(f"{', '.join(names)}: {text.strip()}")
    return "; ".join(parts)


def table(rows: Sequence[Sequence[str]], right: Collection[str] = ()) -> Iterator[str]:
    """Align the columns of rows, the first of which is the head; some of them on the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = [">" if name in right else "<" for name in rows[0]]
    for row in rows:
        cells = (f"{c:{side}{width}}" for c, side, width in zip(row, sides, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _records(*streams: DixaStream) -> str:
    return f"{sum(stream.writer.records for stream in streams):,}"


def _minute(time: int | None) -> str:
    return "" if time is None else to_rfc3339(time)[:16].replace("T", " ")

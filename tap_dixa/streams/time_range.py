"""Which time range a run reads of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL

from tap_dixa.download.windows import MARGIN, split
from tap_dixa.timestamps import DAY, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_dixa.download.windows import Window
    from tap_dixa.streams.base import DixaStream


def windows_of(
    stream: DixaStream, context: Mapping[str, str] | None = None, *, lookback_days: int = 0
) -> list[Window]:
    """Decide which windows this run reads.

    The run's upper bound, for all its streams, is a margin before its start: later changes belong
    to the next run, and no request filters by a time in the future. If the stream has partitions,
    the context is one of them. The longer one of its lookbacks counts.
    """
    settings = stream.run.settings
    start: int = settings.start_date
    state = stream.get_context_state(context)
    bookmark = state.get("replication_key_value")
    is_its_own = state.get("replication_key") == stream.replication_key
    if bookmark and is_its_own and stream.replication_method == REPLICATION_INCREMENTAL:
        lookback = max(1000 * settings.lookback_seconds, lookback_days * DAY)
        start = max(start, parse(bookmark) - lookback)
    end = stream.run.start - MARGIN
    if settings.end_date is not None:
        end = min(end, settings.end_date)
    if stream.is_test:
        # --test wants to see a few records, and an export cannot be limited to a few.
        start = max(start, end - DAY)
    return split(start, end, settings.window_days)

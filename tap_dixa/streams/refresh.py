"""The refresh: what was synced before, once more, where Dixa has erased personal data since.

Dixa filters messages by the time at which they were created, and the entries of the activity log
by the time of the event. What it erases in them later shows elsewhere: in the export of their
conversation, or in another entry of the log. So each run of such a stream ends with a search
there, for what was erased since the last one.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL

from tap_dixa.download.windows import split
from tap_dixa.errors import ForbiddenError
from tap_dixa.timestamps import parse, to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from singer_sdk.helpers.types import Context

    from tap_dixa.download.windows import Window
    from tap_dixa.output.compiled import Encodable
    from tap_dixa.streams.windowed import WindowedStream

_STEP = 30
"""After so many windows of a search, what was found in them is emitted, so that the refresh gets
on however soon each run is stopped: at Dixa's limit, the exports of them take three minutes."""
_IN_STATE = "refresh"
"""The key of its bookmark in the stream's state."""
_PROGRESS = "%s: refreshed %d records of %d conversations so far"
_PROGRESS_INTERVAL = 60
"""How many seconds lie between two log lines about how far a refresh is, at least."""


@dataclass(frozen=True, slots=True)
class RefreshBookmark:
    """How far the refresh is, beside the bookmark of the stream. All times are Unix ms.

    It is ``{"refresh": {"conversations": …}}`` in the stream's state, with RFC 3339 times.
    """

    conversations: int
    """What Dixa erased before this is refreshed, by the conversations' ``updated_at`` and by the
    time of the log's entry if a single message was redacted."""
    step: int | None = None
    """Where the step that was interrupted ends, by the same times."""
    messages: int | None = None
    """In this step, messages that were created before this are refreshed."""

    @classmethod
    def read(cls, state: Mapping[str, Any]) -> RefreshBookmark | None:
        """Read it from the stream's state; None if there is none.

        Raises:
            AttributeError: A time is not a text.
            OverflowError: A time is out of range.
            TypeError: It is not an object of these times.
            ValueError: A time is not a date-time.
        """
        if (saved := state.get(_IN_STATE)) is None:
            return None
        found = cls(**{name: parse(time) for name, time in dict(saved).items()})
        if found.step is None or found.step <= found.conversations or found.messages is None:
            # Whoever merges states by their keys may leave a step that is done.
            return cls(found.conversations)
        return found

    def save(self, state: dict[str, Any]) -> None:
        """Write it to the stream's state."""
        times = {"conversations": self.conversations, "step": self.step, "messages": self.messages}
        state[_IN_STATE] = {
            name: to_rfc3339(time) for name, time in times.items() if time is not None
        }


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a refresh. All times are Unix ms."""

    windows: list[Window]
    """When what is searched for was erased."""
    start: int
    """Records of before this are not emitted."""
    loaded: int
    """Neither are records of this or later: the run has just read them."""
    visible: int
    """What was erased after this may become visible later, and is searched for again."""
    conversations: set[int]
    """The conversations that were found in this run, in earlier steps too."""

    @property
    def end(self) -> int:
        """Where the search ends."""
        return self.windows[-1].end


class Refresh:
    """Emits a stream's records again, step by step. The state says how far it is.

    Args:
        stream: The stream.
        reread: Yields the records that are emitted again in a step, and wherever it can be
            resumed, a bookmark. It is called with the step, to whose conversations it adds, and
            with what makes a record from its JSON. It raises a ForbiddenError if the token may
            not read what is needed.
    """

    def __init__(
        self,
        stream: WindowedStream,
        reread: Callable[
            [Step, Callable[[bytes], Encodable]], Iterator[Encodable | RefreshBookmark]
        ],
    ) -> None:
        self._stream = stream
        self._reread = reread

    def follow(
        self,
        records: Iterator[Encodable | None],
        context: Context | None,
        convert: Callable[[bytes], Encodable],
    ) -> Iterator[Encodable | None]:
        """Yield a run's records, and then those that are emitted again.

        Args:
            records: What `WindowedStream.read` returns.
            context: What it was called with.
            convert: The same.
        """
        stream = self._stream
        windows, state = stream.windows(context), stream.stream_state
        if (
            not windows
            or stream.ABORT_AT_RECORD_COUNT is not None
            or stream.replication_method != REPLICATION_INCREMENTAL
        ):
            yield from records
            return
        # Where the refresh starts is recorded even while it is off, so that it can be turned on.
        first = windows[0].start <= stream.settings.start_date
        begun = RefreshBookmark.read(state) is not None
        if not first and not begun:
            RefreshBookmark(windows[0].start).save(state)
        for record in records:
            if record is None and first and not begun:
                # All records are read from now on, by this run or by those that resume it.
                visible = self._visible_until(windows[-1].end)
                RefreshBookmark(max(visible, windows[0].start)).save(state)
                begun = True
            yield record
        if stream.settings.refresh_anonymized and not first and not stream.skipped:
            # Last, so that no other request comes before a new record.
            yield from self._refresh(windows, convert)

    def _visible_until(self, end: int) -> int:
        """Return up to when changes in Dixa are visible by now, by its own clock, in Unix ms.

        Args:
            end: The run's upper bound, in Unix ms.
        """
        # Whichever is later is what is known of Dixa's clock: the time of its first response, or
        # that of its newest record.
        stream = self._stream
        newest = stream.stream_state.get("replication_key_value")
        times = [0, stream.requests_session.service_time or 0, parse(newest) if newest else 0]
        return max(0, min(max(times), end) - 1000 * stream.settings.lookback_seconds)

    def _refresh(
        self, windows: list[Window], convert: Callable[[bytes], Encodable]
    ) -> Iterator[Encodable | None]:
        stream, settings = self._stream, self._stream.settings
        loaded, end = windows[0].start, windows[-1].end
        bookmark = RefreshBookmark.read(stream.stream_state) or RefreshBookmark(loaded)
        visible_now = self._visible_until(end)
        visible = max(bookmark.conversations, visible_now)
        if visible_now < bookmark.conversations:  # the lookback is longer than it was
            bookmark = RefreshBookmark(visible_now)
        conversations, count, logged = set[int](), 0, time.monotonic()
        while bookmark.conversations < end:
            until = min(bookmark.step or end, end)
            step = Step(
                split(bookmark.conversations, until, settings.window_days)[:_STEP],
                max(settings.start_date, bookmark.messages or 0),
                loaded,
                visible,
                conversations,
            )
            try:
                for found in self._reread(step, convert):
                    if isinstance(found, RefreshBookmark):
                        yield from self._save(found)
                        if time.monotonic() - logged >= _PROGRESS_INTERVAL:
                            stream.log(_PROGRESS, stream.name, count, len(conversations))
                            logged = time.monotonic()
                    else:
                        count += 1
                        yield found
            except ForbiddenError as error:
                stream.log(
                    "%s: records of anonymized conversations are not refreshed: %s",
                    stream.name,
                    error,
                    level=logging.WARNING,
                )
                return
            bookmark = RefreshBookmark(step.end)
            yield from self._save(RefreshBookmark(min(bookmark.conversations, visible)))
        if conversations:
            stream.log(
                "%s: refreshed %d records of %d conversations, of which Dixa erased personal data",
                stream.name,
                count,
                len(conversations),
            )

    def _save(self, bookmark: RefreshBookmark) -> Iterator[None]:
        yield None  # what was found so far is emitted before the state says so
        bookmark.save(self._stream.stream_state)
        yield None  # and the state is written before more is

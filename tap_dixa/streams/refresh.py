"""The refresh: emit records again in which Dixa has erased personal data.

Dixa filters messages by the time at which they were created, and the entries of the activity log
by the time of the event. What it erases in them later shows elsewhere: in the export of their
conversation, or in another entry of the log. So each run of such a stream ends with a search
there, for what was erased since the last one.
"""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL

from tap_dixa.download.windows import Window, split
from tap_dixa.errors import ForbiddenError, NotFoundError
from tap_dixa.timestamps import parse, to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from singer_sdk.helpers.types import Context

    from tap_dixa.output.compiled import Encodable
    from tap_dixa.streams.windowed import WindowedStream

_IN_STATE = "refresh"
"""The key of its bookmark in the stream's state."""
_PROGRESS = "%s: refreshed %d records of %d conversations so far"
_DONE = "%s: refreshed %d records of %d conversations, of which Dixa erased personal data"
_NOT_REFRESHED = "%s: records of anonymized conversations are not refreshed: %s"
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
    """Where the search ended whose records were being emitted when the run was interrupted."""
    messages: int | None = None
    """Of what that search found, messages that were created before this are refreshed."""

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
        bookmark = cls(**{name: parse(time) for name, time in dict(saved).items()})
        step, messages = bookmark.step, bookmark.messages
        if step is None or step <= bookmark.conversations or messages is None:
            # Whoever merges states by their keys may leave the step of a search that is done.
            return cls(bookmark.conversations)
        return bookmark

    def until(self, time: int) -> RefreshBookmark:
        """Return how much of this was erased before a time."""
        step = None if self.step is None else min(self.step, time)
        return RefreshBookmark(min(self.conversations, time), step, self.messages)

    def save(self, state: dict[str, Any]) -> None:
        """Write it to the stream's state."""
        times = {"conversations": self.conversations, "step": self.step, "messages": self.messages}
        state[_IN_STATE] = {
            name: to_rfc3339(time) for name, time in times.items() if time is not None
        }


class Refreshed(NamedTuple):
    """Records to emit again."""

    records: Iterator[Encodable]
    bookmark: RefreshBookmark | None
    """How far the refresh is once they are emitted; None if the state cannot say that."""


class Refresh(ABC):
    """Emits a stream's records again. The state says how far it is.

    Args:
        stream: The stream.
        convert: Makes what is emitted from a record's JSON.
    """

    def __init__(self, stream: WindowedStream, convert: Callable[[bytes], Encodable]) -> None:
        self.stream = stream
        self.convert = convert
        self.conversations: set[int] = set()
        """The conversations that were refreshed in this run."""

    @abstractmethod
    def reread(self, erased: Window, records: Window) -> Iterator[Refreshed]:
        """Search for what was erased, and read it again.

        Args:
            erased: When it was erased.
            records: When the records are from that are emitted again: later ones have just been
                read, earlier ones were never synced, or are refreshed.

        Raises:
            ForbiddenError: The token may not read what is needed.
            NotFoundError: Dixa has nothing at an address that is needed.
            FatalSyncError: A request failed otherwise.
        """

    def follow(
        self, records: Iterator[Encodable | None], context: Context | None
    ) -> Iterator[Encodable | None]:
        """Yield a run's records, and then those that are emitted again.

        Args:
            records: What `WindowedStream.read` returns.
            context: What it was called with.
        """
        stream = self.stream
        windows, state = stream.windows(context), stream.stream_state
        if (
            not windows
            or stream.run.is_test
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
            yield from self._refresh(windows[0].start, windows[-1].end)

    def _visible_until(self, end: int) -> int:
        """Return the time up to which Dixa shows changes, by its clock, in Unix ms.

        Args:
            end: The run's upper bound, in Unix ms.
        """
        # Whichever is later is what is known of Dixa's clock: the time of its first response, or
        # that of its newest record.
        stream = self.stream
        newest = stream.stream_state.get("replication_key_value")
        times = [0, stream.requests_session.service_time or 0, parse(newest) if newest else 0]
        return max(0, min(max(times), end) - stream.lookback)

    def _refresh(self, loaded: int, end: int) -> Iterator[Encodable | None]:
        """Emit again what was erased before the run's upper bound, search by search.

        Args:
            loaded: Records from this on have just been read, in Unix ms.
            end: The run's upper bound, in Unix ms.
        """
        stream, settings, logged = self.stream, self.stream.settings, time.monotonic()
        bookmark = RefreshBookmark.read(stream.stream_state) or RefreshBookmark(loaded)
        visible_now, count = self._visible_until(end), 0
        # What becomes visible later is searched for again, without regard to what is done.
        visible = max(bookmark.conversations, visible_now)
        if visible_now < bookmark.conversations:  # the lookback is longer than it was
            bookmark = RefreshBookmark(visible_now)
        while bookmark.conversations < end:
            until = min(bookmark.step or end, end)
            erased = split(bookmark.conversations, until, settings.window_days)[0]
            records = Window(max(settings.start_date, bookmark.messages or 0), loaded)
            try:
                for refreshed in self.reread(erased, records):
                    for record in refreshed.records:
                        count += 1
                        yield record
                    if refreshed.bookmark is not None:
                        yield from self._save(refreshed.bookmark, visible)
                    if time.monotonic() - logged >= _PROGRESS_INTERVAL:
                        stream.log(_PROGRESS, stream.name, count, len(self.conversations))
                        logged = time.monotonic()
            except (ForbiddenError, NotFoundError) as error:
                stream.log(_NOT_REFRESHED, stream.name, error, level=logging.WARNING)
                return
            bookmark = RefreshBookmark(erased.end)
            yield from self._save(bookmark, visible)
        if self.conversations:
            stream.log(_DONE, stream.name, count, len(self.conversations))

    def _save(self, bookmark: RefreshBookmark, visible: int) -> Iterator[None]:
        yield None  # what comes before is emitted before the state says so
        bookmark.until(visible).save(self.stream.stream_state)
        yield None  # and the state is written before more is

"""The refresh: emit records again in which Dixa has erased personal data.

Dixa filters messages by the time at which they were created, and the entries of the activity log
by the time of the event. What it erases in them later shows elsewhere: in the export of their
conversation, or in another entry of the log. So each run of such a stream ends with a search
there, for what was erased since the last one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tap_dixa.download.windows import Window, split
from tap_dixa.errors import ForbiddenError, NotFoundError
from tap_dixa.read.batches import Batch, Done
from tap_dixa.timestamps import parse, to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_dixa.read.window_reader import WindowReader

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
        """Read it from the stream's state; None if there is none."""
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

    def entry(self) -> dict[str, Any]:
        """Return the entry of the stream's state that says it."""
        times = {"conversations": self.conversations, "step": self.step, "messages": self.messages}
        return {
            _IN_STATE: {name: to_rfc3339(time) for name, time in times.items() if time is not None}
        }


class Refreshed(NamedTuple):
    """Records to emit again."""

    rows: list[bytes]
    origin: object
    """The window that they are from."""
    bookmark: RefreshBookmark | None
    """How far the refresh is once they are emitted; None if the state cannot say that."""


class Search(Protocol):
    """Searches for what Dixa erased, and reads it again."""

    refreshed: int
    """How many conversations were refreshed in this run."""

    def reread(self, erased: Window, records: Window) -> Iterator[Refreshed]:
        """Search, and read again.

        Args:
            erased: When it was erased.
            records: When the records are from that are emitted again: later ones have just been
                read, earlier ones were never synced, or are refreshed.
        """


class RefreshingReader:
    """Reads a stream's new records, and then those that Dixa has erased something in.

    Args:
        reader: Reads the new records: at least one window.
        search: Reads what was erased.
        state: The stream's state when the run starts.
    """

    def __init__(self, reader: WindowReader, search: Search, state: Mapping[str, Any]) -> None:
        self._reader = reader
        self._client = reader.client
        self._settings = reader.client.run.settings
        self._search = search
        self._stream_state = state
        self._newest: str | None = state.get("replication_key_value")
        self._start, self._end = reader.windows[0].start, reader.windows[-1].end

    @property
    def begun(self) -> bool:
        """Whether Dixa has sent a window of new records."""
        return self._reader.begun

    def batches(self) -> Iterator[Batch]:
        """Yield the new records, and then those that are emitted again."""
        bookmark = RefreshBookmark.read(self._stream_state)
        is_first_run = self._start <= self._settings.start_date
        # Where the refresh starts is recorded even while it is off, so that it can be turned on.
        if not is_first_run and bookmark is None:
            bookmark = RefreshBookmark(self._start)
            yield Batch([], self._start, Done(state=bookmark.entry()))
        for batch in self._reader.batches():
            self._newest = max(self._newest or "", batch.done.bookmark or "") or None
            done = batch.done
            if bookmark is None and done.is_worth_a_message:
                # All records are read from now on, by this run or by those that resume it.
                bookmark = RefreshBookmark(max(self._visible_until(), self._start))
                done = replace(done, state=bookmark.entry())
            yield replace(batch, done=done)
        if self._settings.refresh_anonymized and not is_first_run and bookmark is not None:
            # Last, so that no other request comes before a new record.
            yield from self._refresh(bookmark)

    def _visible_until(self) -> int:
        """Return the time up to which Dixa shows changes, by its clock, in Unix ms."""
        # Whichever is later is what is known of Dixa's clock: the time of its first response, or
        # that of its newest record.
        newest = parse(self._newest) if self._newest else 0
        known = max(newest, self._client.session.service_time or 0)
        return max(0, min(known, self._end) - 1000 * self._settings.lookback_seconds)

    def _refresh(self, bookmark: RefreshBookmark) -> Iterator[Batch]:
        """Emit again what was erased before the run's upper bound, search by search."""
        client, search, settings = self._client, self._search, self._settings
        visible_now, count, logged = self._visible_until(), 0, time.monotonic()
        # What becomes visible later is searched for again, without regard to what is done.
        visible = max(bookmark.conversations, visible_now)
        if visible_now < bookmark.conversations:  # the lookback is longer than it was
            bookmark = RefreshBookmark(visible_now)
        while bookmark.conversations < self._end:
            until = min(bookmark.step or self._end, self._end)
            erased = split(bookmark.conversations, until, settings.window_days)[0]
            records = Window(max(settings.start_date, bookmark.messages or 0), self._start)
            try:
                for rows, origin, reached in search.reread(erased, records):
                    count += len(rows)
                    yield Batch(rows, origin, _done(reached, visible))
                    if time.monotonic() - logged >= _PROGRESS_INTERVAL:
                        client.log(_PROGRESS, client.stream, count, search.refreshed)
                        logged = time.monotonic()
            except (ForbiddenError, NotFoundError) as error:
                client.warn(_NOT_REFRESHED, client.stream, error)
                return
            bookmark = RefreshBookmark(erased.end)
            yield Batch([], erased, _done(bookmark, visible))
        if search.refreshed:
            client.log(_DONE, client.stream, count, search.refreshed)


def _done(bookmark: RefreshBookmark | None, visible: int) -> Done:
    if bookmark is None:
        return Done()
    return Done(state=bookmark.until(visible).entry(), is_worth_a_message=True)

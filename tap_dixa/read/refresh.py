"""The refresh: emit records again in which Dixa has erased personal data.

Dixa filters messages by the time at which they were created, and the entries of the activity log
by the time of the event. What it erases in them later shows elsewhere: in the export of their
conversation, or in another entry of the log. So each run of such a stream ends with a search
there, for what was erased since the last one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tap_dixa.download.windows import Window, split
from tap_dixa.errors import ForbiddenError, NotFoundError
from tap_dixa.read.batches import Batch, Done
from tap_dixa.read.window_reader import WindowReader
from tap_dixa.timestamps import LATEST, parse, to_rfc3339

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
    visible: int = LATEST
    """What was erased later is searched for again, as it may become visible late. The state does
    not say it."""

    @classmethod
    def read(cls, state: Mapping[str, Any]) -> RefreshBookmark | None:
        """Read it from the stream's state; None if there is none."""
        if (saved := state.get(_IN_STATE)) is None:
            return None
        bookmark = cls(**{name: parse(time) for name, time in dict(saved).items()})
        # Whoever merges states by their keys may leave the step of a search that is done.
        is_inside = bookmark.messages and (bookmark.step or 0) > bookmark.conversations
        return bookmark if is_inside else cls(bookmark.conversations)

    def done(self) -> Done:
        """Make the state say it."""
        times = {"conversations": min(self.conversations, self.visible)}
        if self.step is not None and self.messages is not None:
            times |= {"step": min(self.step, self.visible), "messages": self.messages}
        state = {_IN_STATE: {name: to_rfc3339(time) for name, time in times.items()}}
        return Done(state=state, is_worth_a_message=True)


class Search(Protocol):
    """Searches for what Dixa erased, and reads it again."""

    refreshed: int
    """How many conversations were refreshed in this run."""

    def reread(self, bookmark: RefreshBookmark, erased: Window, records: Window) -> Iterator[Batch]:
        """Emit again the records of a time range in which something was erased in a window."""


class RefreshingReader:
    """Reads a stream's new records, and then those that Dixa has erased something in.

    Args:
        reader: Reads the new records: at least one window.
        search: Reads what was erased.
        state: The stream's state, which moves as batches are emitted.
    """

    def __init__(self, reader: WindowReader, search: Search, state: Mapping[str, Any]) -> None:
        self._reader = reader
        self._client = reader.client
        self._settings = reader.client.run.settings
        self._search = search
        self._stream_state = state
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
            yield Batch([], self._start, bookmark.done())
        for batch in self._reader.batches():
            if bookmark is None and batch.done.is_worth_a_message:
                # All records are read from now on, by this run or by those that resume it.
                bookmark = RefreshBookmark(max(self._visible_until(), self._start))
                yield replace(batch, done=replace(batch.done, state=bookmark.done().state))
            else:
                yield batch
        if self._settings.refresh_anonymized and not is_first_run and bookmark is not None:
            # Last, so that no other request comes before a new record.
            yield from self._refresh(bookmark)

    def _visible_until(self) -> int:
        """Return the time up to which Dixa shows changes, by its clock, in Unix ms."""
        # Whichever is later is what is known of Dixa's clock: the time of its first response, or
        # that of its newest record.
        newest = self._stream_state.get("replication_key_value")
        known = max(parse(newest) if newest else 0, self._client.session.service_time or 0)
        return max(0, min(known, self._end) - 1000 * self._settings.lookback_seconds)

    def _refresh(self, bookmark: RefreshBookmark) -> Iterator[Batch]:
        """Emit again what was erased before the run's upper bound, search by search."""
        client, search, settings = self._client, self._search, self._settings
        visible, count, logged = self._visible_until(), 0, time.monotonic()
        if visible < bookmark.conversations:  # the lookback is longer than it was
            bookmark = RefreshBookmark(visible, visible=bookmark.conversations)
        else:
            bookmark = replace(bookmark, visible=visible)
        while bookmark.conversations < self._end:
            until = min(bookmark.step or self._end, self._end)
            erased = split(bookmark.conversations, until, settings.window_days)[0]
            # Later records have just been read; earlier ones were never synced, or are refreshed.
            records = Window(max(settings.start_date, bookmark.messages or 0), self._start)
            try:
                for batch in search.reread(bookmark, erased, records):
                    count += len(batch.rows)
                    yield batch
                    if time.monotonic() - logged >= _PROGRESS_INTERVAL:
                        client.log(_PROGRESS, client.stream, count, search.refreshed)
                        logged = time.monotonic()
            except (ForbiddenError, NotFoundError) as error:
                client.warn(_NOT_REFRESHED, client.stream, error)
                return
            bookmark = RefreshBookmark(erased.end, visible=bookmark.visible)
            yield Batch([], erased, bookmark.done())
        if search.refreshed:
            client.log(_DONE, client.stream, count, search.refreshed)

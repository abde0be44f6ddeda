"""The activity log of one conversation after the other, also where Dixa does not send one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec

from tap_dixa.download.window_download import WindowDownload
from tap_dixa.errors import NotFoundError, RefusedError
from tap_dixa.streams.dixa_api import DixaApiStream

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_REFUSALS = 10
"""So many refusals in a row are no matter of single conversations."""


class ConversationEntries(DixaApiStream):
    """Reads all entries about one conversation, which Dixa sends at once. Not a stream of its own.

    The log itself has no filter but time: it would take all pages since the oldest of the
    conversations was created, up to 20 MB each. This takes a request for each conversation.
    """

    name = "activity_logs"
    path = "/v1/conversations/{csid}/activitylog"
    primary_keys = ("id",)
    row_type: ClassVar = msgspec.Raw


class EntriesDownload(WindowDownload):
    """The entries about a conversation."""

    refused: RefusedError | None = None
    """Why there are none."""


class Refusals:
    """Conversations whose log Dixa does not send.

    One that is refused is passed by once Dixa sends that of another one: until then, it may be
    the token, or all of them.
    """

    def __init__(self) -> None:
        self._passed_by: dict[int, RefusedError] = {}
        self._pending: dict[int, RefusedError] = {}

    @property
    def passed_by(self) -> Mapping[int, RefusedError]:
        """The conversations that are passed by, by their ids, and why."""
        return self._passed_by

    @property
    def pending(self) -> bool:
        """Whether there are refusals that may have another cause than their conversation."""
        return bool(self._pending)

    def add(self, conversation: int, error: RefusedError | None) -> None:
        """Add what became of a request.

        Args:
            conversation: The conversation's id.
            error: Why Dixa did not send its log, if it did not.

        Raises:
            RefusedError: Dixa has refused many in a row.
        """
        if isinstance(error, NotFoundError):
            self._passed_by[conversation] = error
        elif error is not None:
            self._pending[conversation] = error
            if len(self._pending) >= _MOST_REFUSALS:
                self.check()
        else:
            self._passed_by |= self._pending
            self._pending.clear()

    def check(self) -> None:
        """Raise the first refusal that may have another cause than its conversation.

        Raises:
            RefusedError: There is one.
        """
        for error in self._pending.values():
            raise error

"""The activity log of one conversation after the other, also where Dixa does not send one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import msgspec

from tap_dixa.errors import RefusedError
from tap_dixa.streams.dixa_api import DixaApiStream

if TYPE_CHECKING:
    from tap_dixa.download.spool import Spool


class ConversationEntries(DixaApiStream):
    """Reads all entries about one conversation, which Dixa sends at once. Not a stream of its own.

    The log itself has no filter but time: it would take all pages since the oldest of the
    conversations was created, up to 20 MB each. This takes a request for each conversation.
    """

    name = "activity_logs"
    path = "/v1/conversations/{csid}/activitylog"
    primary_keys = ("id",)
    row_type: ClassVar = msgspec.Raw

    def refused(self, csid: int) -> RefusedError | None:
        """Request the log of a conversation, and return why Dixa refuses it, if it does."""
        try:
            for _ in self.request_records({"csid": csid}):
                break
        except RefusedError as error:
            return error
        return None


@dataclass
class EntriesDownload:
    """The entries about a conversation."""

    spool: Spool | None = None
    """The entries on disk, if there are any."""
    refused: RefusedError | None = None
    """Why there are none."""

    def close(self) -> None:
        """Free the disk space."""
        if self.spool is not None:
            self.spool.close()

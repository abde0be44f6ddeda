"""The exports of the Exports API: one request a window, one JSON array a response."""

from collections.abc import Iterable, Iterator
from contextlib import closing

import msgspec

from tap_dixa.download.spool import KeyDecoder, Spool, key_decoder
from tap_dixa.download.windows import Window
from tap_dixa.errors import ForbiddenError, RefusedError
from tap_dixa.http.client import Client, Request, body_parts
from tap_dixa.http.retries import RETRIABLE, Retries
from tap_dixa.read.children import Parent
from tap_dixa.records.json_numbers import INTEGER
from tap_dixa.timestamps import EARLIEST, LATEST

CONVERSATIONS_PATH = "/v1/conversation_export"
_CHUNK = 1 << 18
_ANY_TIME = Window(EARLIEST, LATEST)
_MOST_IDS = 100
"""How many conversations are requested by their ids at once: an address of 1.2 kB."""
_TOLERANCE = 3_600_000
"""How far from its conversation's times a message is looked for, in ms: they may be rounded."""
_NO_TIME = (b"", b"null", b"0", b"false", b'""')


class ExportSource:
    """Requests exports, and keeps each response on disk.

    Args:
        client: Sends the requests.
        path: Which export.
        cursor: The field that it is filtered and ordered by, in Unix ms. ``updated_at`` is
            filtered by ``updated_after`` and ``updated_before``.
        keys: Decodes what each record must have.
    """

    def __init__(self, client: Client, path: str, cursor: str, keys: KeyDecoder) -> None:
        self.client = client
        self._path = path
        self._cursor = cursor
        self._keys = keys

    def download(self, window: Window, retries: Retries) -> Spool:
        """Download a window, and a margin on both sides, with retries: see `WindowReader`."""
        after, before = filters_of(self._cursor)
        request = Request(self._path, query={after: window.after, before: window.before})
        return retries.call(lambda window: self._spool(request, window), window)

    def by_ids(self, ids: Iterable[int], retries: Retries) -> Iterator[Spool]:
        """Download conversations by their ids, as many at once as Dixa accepts.

        Raises:
            RefusedError: Dixa refuses to send even a single one. It may be one of `RETRIABLE`, too.
        """
        left, most = list(ids), _MOST_IDS
        while left:
            request = Request(self._path, query={"csids": ",".join(map(str, left[:most]))})
            try:
                spool = retries.call(lambda request: self._spool(request, _ANY_TIME), request)
            except (RefusedError, *RETRIABLE) as error:
                most = min(most, len(left)) // 2
                if not most or isinstance(error, ForbiddenError):
                    raise
                continue
            with closing(spool):
                yield spool
            left = left[most:]

    def _spool(self, request: Request, window: Window) -> Spool:
        with self.client.send(request) as response:
            return Spool(body_parts(response, _CHUNK), window, self._keys)


def filters_of(cursor: str) -> tuple[str, str]:
    """Name the filters of an export by the field that it is ordered by: after and before a time."""
    return cursor.replace("_at", "_after"), cursor.replace("_at", "_before")


def conversation_export(client: Client) -> ExportSource:
    """Make the source of conversations, for whatever stream."""
    keys = key_decoder("updated_at", {"id": INTEGER})
    return ExportSource(client, CONVERSATIONS_PATH, "updated_at", keys)


class Conversation(Parent):
    """A conversation of the export, for other uses than emitting. Its raw times may be unusable."""

    id: int
    updated_at: int
    created_at: msgspec.Raw = msgspec.Raw()
    last_message_created_at: msgspec.Raw = msgspec.Raw()
    anonymized_at: msgspec.Raw = msgspec.Raw()

    @property
    def is_anonymized(self) -> bool:
        """Whether it has an ``anonymized_at``, usable or not."""
        return bytes(self.anonymized_at) not in _NO_TIME

    def message_times(self) -> tuple[int, int] | None:
        """Between which times, in Unix ms, its messages were created, and rather more.

        None if its times are missing or unusable.
        """
        created, last = _milliseconds(self.created_at), _milliseconds(self.last_message_created_at)
        if bytes(self.last_message_created_at) in _NO_TIME:
            last = self.updated_at  # which a message changes, if there is one
        if created is None or last is None:
            return None
        return min(created, last) - _TOLERANCE, max(created, last) + _TOLERANCE


CONVERSATION = msgspec.json.Decoder(Conversation)


def _milliseconds(raw: msgspec.Raw) -> int | None:
    try:
        time = msgspec.json.decode(raw, type=int)
    except (msgspec.DecodeError, OverflowError):
        return None
    return time if EARLIEST <= time <= LATEST else None

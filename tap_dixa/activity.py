"""The activity log: pages of the Dixa API, window by window, put in order on disk."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
from typing_extensions import override

from tap_dixa import timestamps
from tap_dixa.api import ApiStream, body_of
from tap_dixa.spool import Spool, heads_decoder
from tap_dixa.windowed import WindowedStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from urllib.parse import ParseResult

    import requests
    from singer_sdk.helpers.types import Context

    from tap_dixa.spool import HeadsDecoder
    from tap_dixa.windows import Window

_PAGE = "10000"
"""The most entries that Dixa puts on a page."""
_SECOND = 1000


class LogStream(WindowedStream, ApiStream):
    """A stream of entries with a time, which Dixa gives out in no documented order.

    So a window's pages are gathered on disk and read in order, as an export is: every state is
    a safe place to resume from.
    """

    @override
    def download(self, window: Window) -> Spool:
        # Whole seconds, as Dixa wants them; the window itself decides what is kept.
        asked = {
            "fromDatetime": _seconds(window.after // _SECOND),
            "toDatetime": _seconds(-(-window.before // _SECOND)),
        }
        entries = ApiStream.request_records(self, asked)
        return Spool(self.flow.metered(_array(entries)), window, self._heads, timestamps.parse)

    @override
    def get_url_params(
        self, context: Context | None, next_page_token: ParseResult | None
    ) -> dict[str, Any]:
        asked = {"pageLimit": _PAGE, **(context or {})}
        return asked | super().get_url_params(context, next_page_token)

    @override
    def parse_response(self, response: requests.Response) -> Sequence[Any]:
        super().parse_response(response)
        return msgspec.json.decode(body_of(response), type=_Page).data

    @cached_property
    def _heads(self) -> HeadsDecoder:
        return heads_decoder(self.cursor, dict.fromkeys(self.primary_keys, str), str)


class _Page(msgspec.Struct):
    data: list[msgspec.Raw] = []


def _seconds(moment: int) -> str:
    return timestamps.to_rfc3339(moment * _SECOND).replace(".000Z", "Z")


def _array(entries: Iterable[Any]) -> Iterator[bytes]:
    separator = b"["
    for entry in entries:
        yield separator + bytes(entry)
        separator = b","
    yield b"]" if separator == b"," else b"[]"

"""The streams of the Exports API: one request a window, and one JSON array for an answer."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_dixa.client import SCHEMAS
from tap_dixa.spool import Spool, heads_decoder
from tap_dixa.windowed import WindowedStream

if TYPE_CHECKING:
    import requests

    from tap_dixa.spool import HeadsDecoder
    from tap_dixa.windows import Window

_CHUNK = 1 << 18
_KEY_TYPES = {"integer": int, "string": str}


class ExportStream(WindowedStream):
    """A stream of the Exports API. Its cursor is Unix ms.

    Dixa's filters go by the cursor's name: ``updated_at`` is filtered by ``updated_after`` and
    ``updated_before``.
    """

    @property
    @override
    def url_base(self) -> str:
        return self.settings.exports_api_url

    @property
    @override
    def requests_session(self) -> requests.Session:
        return self.tap.exports_session

    @override
    def download(self, window: Window) -> Spool:
        return self.export(self.path, self.cursor, window, self.heads)

    def export(self, path: str, cursor: str, window: Window, heads: HeadsDecoder) -> Spool:
        """Ask for an export, once, and keep its answer on disk.

        Args:
            path: Which export.
            cursor: The time that its filter and its order go by.
            window: The interval of that time.
            heads: Reads what each record must have.
        """
        request = self.build_prepared_request(
            method=self.http_method,
            url=f"{self.url_base}{path}",
            params={
                cursor.replace("_at", "_after"): window.after,
                cursor.replace("_at", "_before"): window.before,
            },
            headers=self.http_headers,
        )
        with self._request(request, None) as response:
            return Spool(self.flow.metered(response.iter_content(_CHUNK)), window, heads)

    @cached_property
    def heads(self) -> HeadsDecoder:
        """Reads the cursor and the key of each record."""
        own = SCHEMAS.get_schema(self.name)["properties"]
        return heads_decoder(
            self.cursor, {key: _KEY_TYPES[own[key]["type"]] for key in self.primary_keys}
        )

"""The base of the streams of the Exports API: one request a window, one JSON array a response."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_dixa.client import SCHEMAS
from tap_dixa.download.spool import Spool, key_decoder
from tap_dixa.output.json_numbers import INTEGER
from tap_dixa.response_body import body_parts
from tap_dixa.streams.windowed import WindowedStream

if TYPE_CHECKING:
    from tap_dixa.download.spool import KeyDecoder
    from tap_dixa.download.windows import Window
    from tap_dixa.rate_limit import LimitedSession
    from tap_dixa.retries import Retries

_CHUNK = 1 << 18
_KEY_TYPES = {"integer": INTEGER, "string": str}


class ExportStream(WindowedStream):
    """A stream of the Exports API. Its cursor is Unix ms.

    Dixa's filters are named after the cursor: ``updated_at`` is filtered by ``updated_after``
    and ``updated_before``.
    """

    @property
    @override
    def url_base(self) -> str:
        return self.settings.exports_api_url

    @property
    @override
    def requests_session(self) -> LimitedSession:
        return self.run.exports_session

    @override
    def download(self, window: Window, retries: Retries) -> Spool:
        return retries.call(self._export, window)

    def _export(self, window: Window) -> Spool:
        return self.export(self.path, self.cursor, window, self.key_decoder)

    def export(self, path: str, cursor: str, window: Window, keys: KeyDecoder) -> Spool:
        """Request an export, without retries, and keep its response on disk.

        Args:
            path: Which export.
            cursor: The field that it is filtered and ordered by.
            window: The interval of that field.
            keys: Decodes what each record must have.
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
        with self.send(request) as response:
            return Spool(self.traffic.count(body_parts(response, _CHUNK)), window, keys)

    @cached_property
    def key_decoder(self) -> KeyDecoder:
        """Decodes the cursor and the primary key of each record."""
        properties = SCHEMAS.get_schema(self.name)["properties"]
        return key_decoder(
            self.cursor, {key: _KEY_TYPES[properties[key]["type"]] for key in self.primary_keys}
        )

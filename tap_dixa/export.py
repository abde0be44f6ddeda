"""The way of an export: windows, requests, answers on disk, records in order."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from contextlib import closing
from functools import cached_property
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from singer_sdk.helpers.conform import TypeConformanceLevel
from typing_extensions import override

from tap_dixa import retries
from tap_dixa.client import DixaStream
from tap_dixa.errors import GaveUpError
from tap_dixa.progress import Progress
from tap_dixa.shapes import compile_shape
from tap_dixa.spool import Spool
from tap_dixa.timestamps import to_milliseconds
from tap_dixa.windows import DAY, MARGIN, Window, split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import requests
    from singer_sdk.helpers.types import Context, Record

_CHUNK = 1 << 18


class ExportStream(DixaStream):
    """A stream of the Exports API.

    A subclass gives its ``name``, ``path``, ``primary_keys``, ``replication_key`` (the field
    its records are ordered by, Unix ms) and the schema file ``schemas/NAME.json``.
    """

    filters_on: ClassVar[str]
    """The pair of filters to ask with: ``…_after`` and ``…_before``."""

    other_names: ClassVar[Mapping[str, str]] = {}
    """Fields that Dixa sends under a second name, and the name they are given."""

    # The shape already conforms: a second walk over every record would change nothing.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    @property
    @override
    def is_sorted(self) -> bool:
        return True

    @property
    @override
    def url_base(self) -> str:
        return self.settings.exports_api_url

    @property
    @override
    def requests_session(self) -> requests.Session:
        return self.tap.exports_session

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Yield every record between the starting point and the run's upper bound, in order.

        Raises:
            RefusedError: Dixa refuses a request.
            GaveUpError: A request failed again and again.
            UnusableRecordError: A record has no usable cursor.
        """
        plan = self._plan(context)
        # Dixa leaves fields out, and a stream map can only name fields that are there.
        mapped = self.config.get("stream_maps") is not None
        absent = dict.fromkeys(self.effective_schema["properties"]) if mapped else {}
        progress = Progress(self.name, len(plan), self.log)
        for window, spool in self._spools(plan):
            with closing(spool):
                for record in spool:
                    yield {**absent, **self._shape(msgspec.json.decode(record))}
                progress.window_done(window, len(spool), spool.size)
        progress.summary()

    def _plan(self, context: Context | None) -> list[Window]:
        """Decide which windows this run asks for.

        A margin before the tap's own start is the newest that it asks for, in both streams:
        what changes later belongs to the next run, and no filter points into the future.
        """
        settings = self.settings
        start = settings.start_date
        if (bookmark := self.get_starting_timestamp(context)) is not None:
            start = max(start, to_milliseconds(bookmark) - 1000 * settings.lookback_seconds)
        end = self.tap.initialized_at - MARGIN
        if settings.end_date is not None:
            end = min(end, settings.end_date)
        if self.ABORT_AT_RECORD_COUNT is not None:
            # A test wants to see a few records, and Dixa cannot be asked for a few.
            start = max(start, end - DAY)
        return split(start, end, settings.window_days)

    def _spools(self, plan: Sequence[Window]) -> Iterator[tuple[Window, Spool]]:
        """Download the windows in order, each while the one before it is being emitted."""
        ahead = [self._in_background(window) for window in plan[:1]]
        for place, window in enumerate(plan, start=1):
            spool = ahead.pop().result()
            ahead += [self._in_background(following) for following in plan[place : place + 1]]
            yield window, spool

    def _in_background(self, window: Window) -> Future[Spool]:
        future: Future[Spool] = Future()

        def work() -> None:
            try:
                future.set_result(self._fetch(window))
            except BaseException as error:  # noqa: BLE001 (raised again where it is waited for)
                future.set_exception(error)

        # A daemon: an executor would keep an interrupted process until its download is done.
        Thread(target=work, name=f"{self.name} {window}", daemon=True).start()
        return future

    def _fetch(self, window: Window) -> Spool:
        try:
            return self.request_decorator(self._download)(window)  # type: ignore[no-any-return]
        except retries.RETRIED as error:
            raise GaveUpError(
                f"{self.name}: {window} could not be exported: {retries.describe(error)}"
            ) from error

    def _download(self, window: Window) -> Spool:
        request = self.build_prepared_request(
            method=self.http_method,
            url=self.get_url(None),
            params={
                f"{self.filters_on}_after": window.after,
                f"{self.filters_on}_before": window.before,
            },
            headers=self.http_headers,
        )
        with self._request(request, None) as response:
            return Spool(response.iter_content(_CHUNK), window, str(self.replication_key))

    @cached_property
    def _shape(self) -> Callable[[dict[str, Any]], dict[str, Any]]:
        return compile_shape(self.effective_schema, self._report_unknown, self.other_names)

    def _report_unknown(self, field: str) -> None:
        if field not in self._unknown_fields:
            self._unknown_fields.add(field)
            self.log(
                "%s: field %s is not in the schema and is left out",
                self.name,
                field,
                level=logging.WARNING,
            )

    @cached_property
    def _unknown_fields(self) -> set[str]:
        return set()

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        # The lookback's records are older than the bookmark. The SDK would take them for a
        # broken order; they must neither stop the run nor move the bookmark back.
        bookmark = self.get_context_state(context).get("replication_key_value")
        if bookmark is None or latest_record[str(self.replication_key)] >= bookmark:
            super()._increment_stream_state(latest_record, context=context)

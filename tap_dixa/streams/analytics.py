"""The records of the Analytics and the Intelligence API. The latter is a beta, which may change."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_dixa.read.analytics import AnalyticsSource, IntelligenceSource
from tap_dixa.read.record_types import Chosen, RecordTypesReader
from tap_dixa.streams.base import DixaStream
from tap_dixa.streams.lists import AnalyticsRecordTypesStream, IntelligenceRecordTypesStream
from tap_dixa.streams.time_range import windows_of

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Context

    from tap_dixa.read.batches import Reader


class AnalyticsRecordsStream(DixaStream):
    """Records of all types that the Analytics API has, each at its primary timestamp."""

    name = "analytics_records"
    path = "/v1/analytics/records"
    primary_keys = ("id",)
    replication_key = "timestamp"
    selected_by_default = False
    is_optional = True
    partitions = None  # the reader reads all record types: the SDK would stop at one that fails

    @override
    def read(self) -> Reader:
        types = AnalyticsRecordTypesStream.list_of(self.client)
        return RecordTypesReader(
            AnalyticsSource(self.client, self.path),
            types,
            Chosen("analytics_record_ids", self.run.settings.analytics_record_ids),
            partial(windows_of, self),
            is_test=self.is_test,
        )

    @override
    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Write none: only the record types have a bookmark."""


class IntelligenceRecordsStream(DixaStream):
    """Records of all types that the Intelligence API has, such as the agents' presence.

    An interval of presence may not have ended when it is read, so the last days are read again in
    every run.
    """

    name = "intelligence_records"
    path = "/beta/intelligence/{category}/records/{recordId}"
    primary_keys = ("id",)
    replication_key = "timestamp"
    selected_by_default = False
    is_optional = True
    partitions = None  # as above

    @override
    def read(self) -> Reader:
        settings = self.run.settings
        return RecordTypesReader(
            IntelligenceSource(self.client, self.path),
            IntelligenceRecordTypesStream.list_of(self.client),
            Chosen("intelligence_record_ids", settings.intelligence_record_ids),
            partial(windows_of, self, lookback_days=settings.intelligence_lookback_days),
            is_test=self.is_test,
        )

    @override
    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Write none: only the record types have a bookmark."""

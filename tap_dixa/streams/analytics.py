"""The streams of the Analytics and the Intelligence API. The latter is a beta, which may change."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from tap_dixa.read.analytics import AnalyticsSource, IntelligenceSource
from tap_dixa.read.record_types import RecordTypesReader
from tap_dixa.read.window_reader import windows_of
from tap_dixa.streams.base import DixaStream
from tap_dixa.streams.lists import ListStream

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Context

    from tap_dixa.read.batches import Reader


class AnalyticsMetricsStream(ListStream):
    """The metrics of the Analytics API."""

    name = "analytics_metrics"
    path = "/v1/analytics/metrics"
    is_optional = True
    selected_by_default = False


class AnalyticsRecordTypesStream(ListStream):
    """The record types of the Analytics API."""

    name = "analytics_record_types"
    path = "/v1/analytics/records"
    is_optional = True
    selected_by_default = False


class IntelligenceRecordTypesStream(ListStream):
    """The record types of the Intelligence API."""

    name = "intelligence_record_types"
    path = "/beta/intelligence/records"
    is_optional = True
    selected_by_default = False


class AnalyticsRecordsStream(DixaStream):
    """Records of all types that the Analytics API has, each at its primary timestamp."""

    name = "analytics_records"
    path = "/v1/analytics/records"
    replication_key = "timestamp"
    selected_by_default = False
    is_optional = True
    partitions = None  # the reader reads all record types: the SDK would stop at one that fails

    source: ClassVar[type[AnalyticsSource | IntelligenceSource]] = AnalyticsSource
    """Requests the rows."""
    types: ClassVar[type[ListStream]] = AnalyticsRecordTypesStream
    """The record types."""
    setting: ClassVar[str] = "analytics_record_ids"
    """Which of them are read."""

    @property
    def lookback_days(self) -> int:
        """How many days are read again in every run, if the lookback is not longer."""
        return 0

    @override
    def read(self) -> Reader:
        return RecordTypesReader(
            self.source(self.client, self.path),
            self.types.list_of(self.run),
            self.setting,
            partial(windows_of, self, self.run, lookback_days=self.lookback_days),
            is_test=self.is_test,
        )

    @override
    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Write none: only the record types have a bookmark."""


class IntelligenceRecordsStream(AnalyticsRecordsStream):
    """Records of all types that the Intelligence API has, such as the agents' presence."""

    name = "intelligence_records"
    path = "/beta/intelligence/{category}/records/{recordId}"
    source = IntelligenceSource
    types = IntelligenceRecordTypesStream
    setting = "intelligence_record_ids"

    @property
    @override
    def lookback_days(self) -> int:
        # An interval of presence may not have ended when it is read.
        return self.run.settings.intelligence_lookback_days

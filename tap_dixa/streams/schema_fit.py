"""How the records of a stream are made to fit its schema: built from its catalog and its maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.mapper import SameRecordTransform

from tap_dixa.records.content_warnings import ContentWarnings
from tap_dixa.records.exclusions import Exclusions, drops_new_fields, partly_selected
from tap_dixa.records.normalize import Normalizer
from tap_dixa.schemas import ADDITIONAL
from tap_dixa.singer.stream_maps import change_records

if TYPE_CHECKING:
    from tap_dixa.streams.base import DixaStream


def normalizer_of(stream: DixaStream) -> Normalizer:
    """Build what makes records, as Dixa sends them, fit the stream's schema."""
    exclusions = exclusions_of(stream)
    warnings = ContentWarnings(stream.name, stream.primary_keys, stream.client.warn, exclusions)
    return Normalizer(stream.effective_schema, warnings, stream.other_names, exclusions)


def exclusions_of(stream: DixaStream) -> Exclusions:
    """Determine what must not arrive in `ADDITIONAL`.

    With a stream map, that is all in the fields of the schema: a map may hash or remove it.
    """
    tap_fields, fields = stream.schema["properties"], stream.effective_schema["properties"]
    if change_records(stream.stream_maps):
        excluded = {*tap_fields, *fields}
    else:
        excluded = set(partly_selected(tap_fields, fields, stream.mask))
    excluded.discard(ADDITIONAL)
    excluded.update(second for second, first in stream.other_names.items() if first in excluded)
    return Exclusions(
        frozenset(excluded),
        everything=drops_new_fields(stream.config.get("stream_maps") or {}, stream.name)
        or ADDITIONAL not in fields
        or not stream.mask["properties", ADDITIONAL]
        or not any(
            # Flattening may shorten its name.
            isinstance(stream_map, SameRecordTransform)
            or ADDITIONAL in stream_map.transformed_schema["properties"]
            for stream_map in stream.stream_maps
        ),
    )

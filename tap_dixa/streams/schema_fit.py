"""What a catalog and stream maps leave out of records that fit the schema."""

from collections.abc import Mapping
from typing import Any

from singer_sdk.mapper import SameRecordTransform
from singer_sdk.streams import Stream

from tap_dixa.records.normalize import Exclusions
from tap_dixa.schemas import ADDITIONAL
from tap_dixa.singer.stream_maps import change_records


def exclusions_of(stream: Stream, other_names: Mapping[str, str]) -> Exclusions:
    """Determine what must not arrive in `ADDITIONAL`.

    With a stream map, that is all in the fields of the schema: a map may hash or remove it.
    """
    tap_fields, fields = stream.schema["properties"], stream.effective_schema["properties"]
    if change_records(stream.stream_maps):
        excluded = {*tap_fields, *fields}
    else:
        excluded = incomplete(tap_fields, fields)
        for breadcrumb, is_selected in stream.mask.items():
            if not is_selected:
                excluded.update(breadcrumb[1:2])  # behind the word "properties"
    excluded.discard(ADDITIONAL)
    excluded.update(second for second, first in other_names.items() if first in excluded)
    return Exclusions(
        frozenset(excluded),
        everything=ADDITIONAL not in fields
        or not stream.mask["properties", ADDITIONAL]
        or not any(
            # Flattening may shorten its name.
            isinstance(stream_map, SameRecordTransform)
            or ADDITIONAL in stream_map.transformed_schema["properties"]
            for stream_map in stream.stream_maps
        ),
    )


def incomplete(tap_fields: Mapping[str, Any], fields: Mapping[str, Any]) -> set[str]:
    """Return the top-level fields of the tap's schema that a catalog's does not have whole."""
    return {
        name
        for name, field in tap_fields.items()
        if name not in fields or not _has_all_of(fields[name], field)
    }


def _has_all_of(schema: Mapping[str, Any], tap_schema: Mapping[str, Any]) -> bool:
    if "items" in tap_schema:
        return _has_all_of(schema.get("items") or {}, tap_schema["items"])
    given = schema.get("properties")
    return given is None or all(
        name in given and _has_all_of(given[name], field)
        for name, field in tap_schema.get("properties", {}).items()
    )

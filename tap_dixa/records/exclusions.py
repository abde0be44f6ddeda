"""Fields that a catalog or a stream map excludes.

Their values must not arrive in the column for what no field holds either.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from singer_sdk.mapper import (
    MAPPER_ELSE_OPTION,
    MAPPER_SOURCE_OPTION,
    NULL_STRING,
    SameRecordTransform,
)

from tap_dixa.schemas import ADDITIONAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from singer_sdk.mapper import StreamMap
    from singer_sdk.streams import Stream

    Selection = Mapping[tuple[str, ...], bool]
    """Whether each part of a schema is selected, by its breadcrumb."""


@dataclass(frozen=True)
class Exclusions:
    """Fields of which nothing is moved to `ADDITIONAL`: it is dropped."""

    fields: frozenset[str] = frozenset()
    """Top-level fields: whatever is in them."""
    everything: bool = False
    """Whether all is dropped, because the column itself is."""

    def cover(self, field: str) -> bool:
        """Whether what is in a top-level field is dropped."""
        return self.everything or field in self.fields


def exclusions_of(stream: Stream, other_names: Mapping[str, str]) -> Exclusions:
    """Determine what must not arrive in `ADDITIONAL`.

    With a stream map, that is all in the fields of the schema: a map may hash or remove it.
    """
    tap_fields, fields = stream.schema["properties"], stream.effective_schema["properties"]
    if change_records(stream.stream_maps):
        excluded = {*tap_fields, *fields}
    else:
        excluded = set(partly_selected(tap_fields, fields, stream.mask))
    excluded.discard(ADDITIONAL)
    excluded.update(second for second, first in other_names.items() if first in excluded)
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


def change_records(stream_maps: Iterable[StreamMap]) -> bool:
    """Whether one of the stream maps changes records, or leaves some out."""
    return any(type(stream_map) is not SameRecordTransform for stream_map in stream_maps)


def partly_selected(
    tap_fields: Mapping[str, Any], fields: Mapping[str, Any], selection: Selection
) -> Iterator[str]:
    """Yield the top-level fields of which a catalog does not have, or not select, all.

    Args:
        tap_fields: The properties of the tap's schema.
        fields: The properties of the catalog's schema.
        selection: What the catalog selects.
    """
    for name, field in tap_fields.items():
        if name not in fields or not _has_all_of(fields[name], field):
            yield name
    for breadcrumb, is_selected in selection.items():
        if not is_selected:
            yield from breadcrumb[1:2]  # behind the word "properties"


def _has_all_of(schema: Mapping[str, Any], tap_schema: Mapping[str, Any]) -> bool:
    if "items" in tap_schema:
        return _has_all_of(schema.get("items") or {}, tap_schema["items"])
    given = schema.get("properties")
    return given is None or all(
        name in given and _has_all_of(given[name], field)
        for name, field in tap_schema.get("properties", {}).items()
    )


def drops_new_fields(stream_maps: Mapping[str, Any], stream: str) -> bool:
    """Whether one of the stream maps of a stream drops the properties that it does not name."""
    return any(
        isinstance(definition, dict)
        and definition.get(MAPPER_ELSE_OPTION, "") in (None, NULL_STRING)
        and fnmatchcase(stream, str(definition.get(MAPPER_SOURCE_OPTION, name)))
        for name, definition in stream_maps.items()
    )

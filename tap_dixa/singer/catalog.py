"""Checks of the catalog that a run is given."""

from collections.abc import Mapping
from typing import Any

from singer_sdk.singerlib.catalog import (
    REPLICATION_FULL_TABLE,
    Catalog,
    CatalogEntry,
    Metadata,
    StreamMetadata,
)

from tap_dixa.errors import SettingsError, reason
from tap_dixa.records.fields import json_types
from tap_dixa.schemas import ADDITIONAL

_TIME = "date-time"
_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_ALTERNATIVES = ("allOf", "anyOf", "oneOf", "patternProperties")
_ALL_SELECTED = [{"breadcrumb": [], "metadata": {"selected": True}}]
"""What the SDK reads in an entry without metadata."""


def read_catalog(given: Mapping[str, Any], discovered: Catalog) -> Catalog:
    """Parse a catalog, check that the tap can do what it asks for, and return what it selects.

    What discovery writes has the keys, methods and schemas of the tap's streams.

    Raises:
        SettingsError: It is no catalog, or asks for something that the tap does not do.
    """
    selected = Catalog()
    what = "it"
    try:
        for stream in given["streams"]:
            what = f"the entry of {stream['tap_stream_id']}"
            metadata = stream.get("metadata") or _ALL_SELECTED
            entry = CatalogEntry.from_dict({**stream, "metadata": metadata})
            if _is_selected(entry):
                _read_entry(entry, metadata, discovered)
                selected.add_stream(entry)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # What the SDK raises over a catalog that has a value of another type, or lacks one.
        raise SettingsError(
            f"--catalog: {what} cannot be used: {reason(error)}. Compare it with the output of "
            "tap-dixa --discover"
        ) from error
    return selected


def _is_selected(entry: CatalogEntry) -> bool:
    entry.metadata.setdefault((), StreamMetadata())  # without it the SDK would select the stream
    for metadata in entry.metadata.values():
        # The SDK would select what is marked with a text, such as "false".
        if not {metadata.selected, metadata.selected_by_default} <= {True, False, None}:
            raise ValueError("selected is neither true nor false")
    return entry.metadata.resolve_selection()[()]


def _read_entry(entry: CatalogEntry, metadata: list[dict[str, Any]], discovered: Catalog) -> None:
    """Check the entry of a selected stream, and set what a catalog cannot change."""
    name, root = entry.tap_stream_id, entry.metadata.root
    expected = discovered.get_stream(name)
    if expected is None:
        raise SettingsError(
            f"--catalog: {name} is selected but is not a stream of this tap. Deselect it, or "
            "discover again"
        )
    keys = list(expected.key_properties or ())
    for asked in (entry.key_properties, root.table_key_properties):
        if asked is not None and sorted(asked) != sorted(keys):
            raise SettingsError(
                f"--catalog: the primary key of {name} is {', '.join(keys)}. For another one, set "
                "__key_properties__ in stream_maps"
            )
    replication_key, usual = expected.replication_key, expected.replication_method
    # Where Meltano writes it, and the SDK does not look.
    (chosen,) = (item["metadata"] for item in metadata if not item["breadcrumb"])
    method = (
        chosen.get("replication-method")
        or root.forced_replication_method
        or entry.replication_method
        or usual
    )
    others = {entry.replication_key, root.replication_key} - {None, replication_key}
    others |= {method} - {usual, REPLICATION_FULL_TABLE}
    if others:
        way = f"{usual} by {replication_key}" if replication_key else usual
        asked_for = " and ".join(sorted(map(str, others)))
        raise SettingsError(f"--catalog: {name} can only be replicated {way}, not {asked_for}")
    schema, own = entry.schema.to_dict(), expected.schema.to_dict()
    needed = [*keys, replication_key] if replication_key else keys
    if missing := [field for field in needed if field not in schema.get("properties", {})]:
        raise SettingsError(
            f"--catalog: the schema of {name} lacks {', '.join(missing)}. Discover again"
        )
    _check_schema(name, schema, own)
    for field in own["required"]:
        usual_field = own["properties"][field]
        given = schema["properties"].get(field, usual_field)
        has_type = _types(given) in ({"string"}, _types(usual_field))
        if not has_type or given.get("format") != usual_field.get("format"):
            _refuse(f"{name}.{field}", "is never null: it must keep its type, or be a string")
    column = schema["properties"].get(ADDITIONAL, {"type": "object"})
    if "object" not in _types(column) or "properties" in column:
        _refuse(f"{name}.{ADDITIONAL}", "must stay an object without properties")
    entry.key_properties = keys
    entry.replication_key = replication_key
    entry.replication_method = method
    for field in needed:
        # Without them there is no bookmark and no upsert, whatever the catalog says.
        entry.metadata["properties", field] = Metadata(inclusion=Metadata.InclusionType.AUTOMATIC)


def _check_schema(path: str, schema: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Check that the tap can make a field satisfy its schema: it follows types alone.

    The path has dots into objects and ``[]`` into arrays. The tap's own schema may lack the field.
    """
    types = _types(schema)
    if unknown := [word for word in _ALTERNATIVES if word in schema]:
        _refuse(path, f"has {unknown[0]}, which the tap cannot follow")
    if not types or not types.issubset(_TYPES):
        _refuse(path, 'has no type such as ["string", "null"]')
    is_time = types == {"string"} and schema.get("format") == _TIME
    if "format" in own and not is_time:
        _refuse(path, "must stay a string with the format date-time")
    if "format" in schema and not is_time:
        _refuse(path, "has a format other than that of a string with the format date-time")
    if schema.get("additionalProperties", True) not in (True, {}) and "properties" not in schema:
        _refuse(path, "has additionalProperties without properties")
    fields = own.get("properties", {})
    for name, field in schema.get("properties", {}).items():
        _check_schema(f"{path}.{name}", field, fields.get(name, {}))
    if schema.get("items"):
        _check_schema(f"{path}[]", schema["items"], own.get("items", {}))


def _types(schema: Mapping[str, Any]) -> frozenset[Any]:
    return json_types(schema) - {"null"}


def _refuse(path: str, problem: str) -> None:
    raise SettingsError(f"--catalog: the schema of {path} {problem}. Change it, or discover again")

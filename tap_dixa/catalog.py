"""Checks of the catalog that a run is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, Catalog, CatalogEntry, Metadata

from tap_dixa.errors import SettingsError, reason
from tap_dixa.schemas import ADDITIONAL

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIME = "date-time"
_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_ALTERNATIVES = ("allOf", "anyOf", "oneOf", "patternProperties")
_ALL_SELECTED = [{"breadcrumb": [], "metadata": {"selected": True}}]
"""What the SDK reads in an entry without metadata."""
_NOT_READABLE = (AttributeError, KeyError, TypeError, ValueError)
"""What the SDK raises over a catalog that has a value of another type, or lacks one."""


def read_catalog(given: Mapping[str, Any], discovered: Catalog) -> Catalog:
    """Parse a catalog, and check that the tap can do what it asks for.

    Args:
        given: The parsed file.
        discovered: What discovery writes: the keys, methods and schemas of the tap's streams.

    Returns:
        The selected streams.

    Raises:
        SettingsError: It is no catalog, or asks for something that the tap does not do.
    """
    streams = given.get("streams")
    if not isinstance(streams, list) or not all(
        isinstance(stream, dict) and isinstance(stream.get("tap_stream_id"), str)
        for stream in streams
    ):
        raise SettingsError(
            "--catalog: a catalog has streams, each with a tap_stream_id and a schema; "
            "tap-dixa --discover writes one"
        )
    names = [stream["tap_stream_id"] for stream in streams]
    selected = Catalog()
    for name, stream in zip(names, streams, strict=True):
        if names.count(name) > 1:
            raise SettingsError(f"--catalog: {name} is listed more than once")
        try:
            metadata = stream.get("metadata") or _ALL_SELECTED
            method = _chosen_method(metadata) or stream.get("replication_method")
            entry = CatalogEntry.from_dict({**stream, "metadata": metadata})
            if entry.metadata.resolve_selection()[()]:
                _read_entry(entry, method, discovered)
                selected.add_stream(entry)
        except _NOT_READABLE as error:
            raise SettingsError(
                f"--catalog: the entry of {name} cannot be used: {reason(error)}. Compare it with "
                "the output of tap-dixa --discover"
            ) from error
    return selected


def _chosen_method(metadata: Any) -> Any:
    """Return the replication method in metadata, which Meltano writes there.

    Raises:
        ValueError: The SDK would silently select something else than the metadata says.
    """
    tables = []
    for item in metadata:
        breadcrumb, values = item["breadcrumb"], item["metadata"]
        flags = values.get("selected"), values.get("selected-by-default")
        if not isinstance(breadcrumb, list) or not {*map(type, flags)} <= {bool, type(None)}:
            raise ValueError("a breadcrumb is not a list, or selected is neither true nor false")
        if not breadcrumb:
            tables.append(values)
    if not tables:
        raise ValueError("no item of its metadata has an empty breadcrumb, to select the stream")
    return tables[0].get("replication-method") or tables[0].get("forced-replication-method")


def _read_entry(entry: CatalogEntry, method: Any, discovered: Catalog) -> None:
    """Check the entry of a selected stream, and set what a catalog cannot change.

    Raises:
        SettingsError: It asks for something that the tap does not do.
    """
    name, root = entry.tap_stream_id, entry.metadata.root
    expected = discovered.get_stream(name)
    if expected is None:
        raise SettingsError(
            f"--catalog: {name} is selected but is not a stream of this tap. Deselect it, or "
            "discover again"
        )
    if entry.stream not in (None, name):
        raise SettingsError(
            f"--catalog: stream and tap_stream_id of {name} differ. To rename a stream, set "
            "__alias__ in stream_maps"
        )
    keys = list(expected.key_properties or ())
    for asked in (entry.key_properties, root.table_key_properties):
        if asked is not None and sorted(asked) != sorted(keys):
            raise SettingsError(
                f"--catalog: the primary key of {name} is {', '.join(keys)}. For another one, set "
                "__key_properties__ in stream_maps"
            )
    replication_key, usual = expected.replication_key, expected.replication_method
    for asked, possible in (
        (entry.replication_key, (None, replication_key)),
        (root.replication_key, (None, replication_key)),
        (method, (None, usual, REPLICATION_FULL_TABLE)),
    ):
        if asked not in possible:
            way = f"{usual} by {replication_key}" if replication_key else usual
            raise SettingsError(f"--catalog: {name} can only be replicated {way}, not {asked}")
    schema = entry.schema.to_dict()
    needed = [*keys, replication_key] if replication_key else keys
    if missing := [field for field in needed if field not in schema.get("properties", {})]:
        raise SettingsError(
            f"--catalog: the schema of {name} lacks {', '.join(missing)}. Discover again"
        )
    if "object" not in _types(schema):
        _refuse(name, "is not that of an object")
    discovered_schema = expected.schema.to_dict()
    _check_schema(name, schema, discovered_schema)
    _check_columns(schema, discovered_schema, name)
    entry.key_properties = keys
    entry.replication_key = replication_key
    entry.replication_method = method or usual
    for field in needed:
        # Without them there is no bookmark and no upsert, whatever the catalog says.
        entry.metadata["properties", field] = Metadata(Metadata.InclusionType.AUTOMATIC)


def _check_schema(path: str, schema: Mapping[str, Any], discovered: Mapping[str, Any]) -> None:
    """Check that the tap can make records satisfy a schema: it follows types alone.

    Args:
        path: The field, with dots into objects and ``[]`` into arrays.
        schema: Its schema in the catalog.
        discovered: Its schema in the tap, empty for a field that the tap does not have.
    """
    types = _types(schema)
    if unknown := [word for word in _ALTERNATIVES if word in schema]:
        _refuse(path, f"has {unknown[0]}, which the tap cannot follow")
    if not types or not types.issubset(_TYPES):
        _refuse(path, 'has no type such as ["string", "null"]')
    is_time = types == {"string"} and schema.get("format") == _TIME
    if discovered.get("format") == _TIME and not is_time:
        _refuse(path, "must stay a string with the format date-time")
    if "format" in schema and not is_time:
        _refuse(path, "has a format other than that of a string with the format date-time")
    if schema.get("additionalProperties", True) not in (True, {}) and "properties" not in schema:
        _refuse(path, "has additionalProperties without properties")
    fields = discovered.get("properties", {})
    for name, field in schema.get("properties", {}).items():
        _check_schema(f"{path}.{name}", field, fields.get(name, {}))
    if schema.get("items"):
        _check_schema(f"{path}[]", schema["items"], discovered.get("items", {}))


def _check_columns(schema: Mapping[str, Any], discovered: Mapping[str, Any], stream: str) -> None:
    """Check the columns that every record has: keys, and `ADDITIONAL`."""
    for name in discovered["required"]:
        field, usual = schema["properties"].get(name), discovered["properties"][name]
        if field is not None and (
            _types(field) not in ({"string"}, _types(usual))
            or field.get("format") != usual.get("format")
        ):
            _refuse(f"{stream}.{name}", "is never null: it must keep its type, or be a string")
    column = schema["properties"].get(ADDITIONAL, {"type": "object"})
    if "object" not in _types(column) or "properties" in column:
        _refuse(f"{stream}.{ADDITIONAL}", "must stay an object without properties")


def _types(schema: Mapping[str, Any]) -> set[Any]:
    given = schema.get("type", [])
    return set([given] if isinstance(given, str) else given) - {"null"}


def _refuse(path: str, problem: str) -> None:
    raise SettingsError(f"--catalog: the schema of {path} {problem}. Change it, or discover again")

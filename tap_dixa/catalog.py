"""The catalog that a run is given: what a user may change in it, and what the tap needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL

from tap_dixa.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from singer_sdk.singerlib import CatalogEntry

_METHODS = (REPLICATION_INCREMENTAL, REPLICATION_FULL_TABLE)
_ALTERNATIVES = ("anyOf", "allOf", "oneOf")
_ALL_SELECTED: list[dict[str, Any]] = [{"breadcrumb": [], "metadata": {"selected": True}}]
"""What the SDK reads in an entry without metadata."""


def read_catalog(
    catalog: Mapping[str, Any],
    primary_keys: Mapping[str, Sequence[str]],
    full_table: Collection[str],
) -> dict[str, Any]:
    """Check a catalog, and fill in what may be left out, before the SDK parses it.

    Args:
        catalog: The parsed file.
        primary_keys: The primary key of each of the tap's streams.
        full_table: The streams that have no replication key.

    Raises:
        SettingsError: It is no catalog, or asks for something that the tap does not do.
    """
    streams = catalog.get("streams")
    if not isinstance(streams, list) or not all(
        isinstance(stream, dict)
        and isinstance(stream.get("schema"), dict)
        and isinstance(stream.get("tap_stream_id"), str)
        for stream in streams
    ):
        raise SettingsError(
            "--catalog: a catalog has streams, each with a tap_stream_id and a schema; "
            "tap-dixa --discover writes one"
        )
    names = [stream["tap_stream_id"] for stream in streams]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise SettingsError(f"--catalog: {twice} is listed more than once")
    return {
        "streams": [
            _read_entry(stream, primary_keys, is_full_table=name in full_table)
            for name, stream in zip(names, streams, strict=True)
        ]
    }


def _read_entry(
    stream: dict[str, Any], primary_keys: Mapping[str, Sequence[str]], *, is_full_table: bool
) -> dict[str, Any]:
    name = stream["tap_stream_id"]
    metadata = stream.get("metadata") or _ALL_SELECTED
    _check_schema(name, stream["schema"])
    if not isinstance(metadata, list) or not all(map(_is_metadata, metadata)):
        raise SettingsError(
            f"--catalog: the metadata of {name} is a list, each item with a breadcrumb, which is "
            "a list of names, and metadata, in which selected is true or false"
        )
    if all(item["breadcrumb"] for item in metadata):
        raise SettingsError(
            f"--catalog: the metadata of {name} has no item with an empty breadcrumb, which "
            "selects the stream"
        )
    key = primary_keys.get(name)
    if key is None:
        if stream.get("metadata") and _is_selected(metadata):
            raise SettingsError(
                f"--catalog: {name} is selected but is not a stream of this tap. Deselect it, or "
                "discover again"
            )
        return {**stream, "metadata": metadata}
    if stream.get("stream") not in (None, name):
        raise SettingsError(
            f"--catalog: stream and tap_stream_id of {name} differ. To rename a stream, set "
            "__alias__ in stream_maps"
        )
    table: dict[str, Any] = next(
        (item["metadata"] for item in metadata if not item["breadcrumb"]), {}
    )
    for asked in (stream.get("key_properties"), table.get("table-key-properties")):
        named = sorted(map(str, asked)) if isinstance(asked, list) else asked
        if named is not None and named != sorted(key):
            raise SettingsError(
                f"--catalog: the primary key of {name} is {', '.join(key)}. For another one, set "
                "__key_properties__ in stream_maps"
            )
    # Discovery writes none into the metadata: what is there was chosen, in Meltano for example.
    method = (
        table.get("replication-method")
        or table.get("forced-replication-method")
        or stream.get("replication_method")
    )
    if is_full_table:
        for asked, only in (
            (stream.get("replication_key") or table.get("replication-key"), None),
            (method, REPLICATION_FULL_TABLE),
        ):
            if asked not in (None, only):
                raise SettingsError(
                    f"--catalog: {name} can only be replicated {REPLICATION_FULL_TABLE}, not by "
                    f"{asked}"
                )
    if missing := [part for part in key if part not in stream["schema"].get("properties", {})]:
        raise SettingsError(
            f"--catalog: the schema of {name} lacks {', '.join(missing)}, its primary key. "
            "Discover again"
        )
    return {
        **stream,
        "metadata": metadata,
        "key_properties": list(key),
        "replication_method": method,
    }


def _check_schema(name: str, schema: dict[str, Any]) -> None:
    """Check the parts of a schema that the SDK walks through."""
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        raise SettingsError(f"--catalog: the properties of {name} are not a JSON object")
    types = schema.get("type")
    if types is not None and not _are_texts(types if isinstance(types, list) else [types]):
        raise SettingsError(
            f"--catalog: the schema of {name} has a type that is neither a string nor a list of "
            "strings"
        )
    parts = [(f"{name}.{part}", one) for part, one in properties.items()]
    if "items" in schema:
        parts.append((f"{name}[]", schema["items"]))
    for word in _ALTERNATIVES:
        several = schema.get(word, [])
        parts += [
            (f"{name} ({word})", one) for one in (several if isinstance(several, list) else [None])
        ]
    for path, one in parts:
        if not isinstance(one, dict):
            raise SettingsError(f"--catalog: the schema of {path} is not a JSON object")
        _check_schema(path, one)


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _is_metadata(item: Any) -> bool:
    """Say whether an item of an entry's metadata is one that the SDK can read."""
    return (
        isinstance(item, dict)
        and isinstance(item.get("breadcrumb"), list)
        and _are_texts(item["breadcrumb"])
        and isinstance(item.get("metadata"), dict)
        and isinstance(item["metadata"].get("selected"), bool | None)
        and isinstance(item["metadata"].get("selected-by-default"), bool | None)
    )


def _is_selected(metadata: list[dict[str, Any]]) -> bool:
    return any(item["metadata"].get("selected") for item in metadata if not item["breadcrumb"])


def check_incremental_entry(
    entry: CatalogEntry, replication_key: str | None, method: str | None, own_key: str
) -> None:
    """Check what a catalog asks of an incremental stream.

    Args:
        entry: The stream's entry.
        replication_key: The replication key that the catalog asks for, if any.
        method: The replication method that the catalog asks for, if any.
        own_key: The stream's only possible replication key.

    Raises:
        SettingsError: The stream cannot be synced like that.
    """
    name = entry.tap_stream_id
    for asked in (replication_key, entry.metadata.root.replication_key):
        if asked not in (None, own_key):
            raise SettingsError(
                f"--catalog: {name} can only be replicated by {own_key}, not by {asked}"
            )
    if method not in (None, *_METHODS):
        raise SettingsError(
            f"--catalog: {name} can only be replicated {' or '.join(_METHODS)}, not {method}"
        )
    field = entry.schema.to_dict().get("properties", {}).get(own_key, {})
    if field.get("format") != "date-time":
        raise SettingsError(f"--catalog: {own_key} of {name} must stay a date-time in the schema")

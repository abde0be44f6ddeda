"""The catalog that a run is given: what a user may change in it, and what the tap needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL

from tap_dixa.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from singer_sdk.singerlib import CatalogEntry

_METHODS = (REPLICATION_INCREMENTAL, REPLICATION_FULL_TABLE)


def check_catalog(catalog: Mapping[str, Any]) -> None:
    """Check that an object is a catalog, before the SDK parses it.

    Raises:
        SettingsError: It is not.
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
    if replication_key not in {None, own_key}:
        raise SettingsError(
            f"--catalog: {name} can only be replicated by {own_key}, not by {replication_key}"
        )
    if method not in {None, *_METHODS}:
        raise SettingsError(
            f"--catalog: {name} can only be replicated {' or '.join(_METHODS)}, not {method}"
        )
    field = entry.schema.to_dict().get("properties", {}).get(own_key, {})
    if field.get("format") != "date-time":
        raise SettingsError(f"--catalog: {own_key} of {name} must stay a date-time in the schema")

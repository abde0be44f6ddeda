"""Faults of older versions that left wrong rows in warehouses: which stream to sync again.

A bookmark says how many of them the version that moved it knew: its ``revision``.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

_ADVICE = "A version with faults wrote the state. Sync again, as docs/operate.md says: %s"


class _Fault(NamedTuple):
    stream: str
    what: str
    """From when, and why, as the changelog says it."""


_REFUSED = "from start_date, as rows are missing if Dixa refused those of the newest conversations"
_FAULTS = (
    _Fault(
        "activity_logs",
        "from start_date, as a text that ends like 2025-01-01T00:00:00Z[GMT] lost its brackets",
    ),
    _Fault("conversation_notes", _REFUSED),
    _Fault("conversation_ratings", _REFUSED),
    _Fault(
        "intelligence_records",
        "from start_date into an empty table, as a row could come under several keys",
    ),
)
"""A new one is added at the end."""
REVISION = len(_FAULTS)


def describe_faults(bookmarks: Mapping[str, Any], streams: Collection[str]) -> str | None:
    """Say which of these streams were synced by a version with a fault; None if none was."""
    met = [
        f"{fault.stream} ({fault.what})"
        for number, fault in enumerate(_FAULTS)
        if fault.stream in streams and _revision(bookmarks.get(fault.stream)) <= number
    ]
    return _ADVICE % "; ".join(met) if met else None


def _revision(bookmark: Mapping[str, Any] | None) -> int:
    """Give what a bookmark's version knew. One that has synced nothing has no fault."""
    if not bookmark or not (bookmark.get("replication_key_value") or bookmark.get("partitions")):
        return REVISION
    revision = bookmark.get("revision")
    return revision if isinstance(revision, int) else 0

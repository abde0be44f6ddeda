"""The account that is loaded: two exports, drawn once and kept, and what rows must come of it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from tap_dixa_sandbox.dataset import DataSet
from tests import expected

Record = dict[str, Any]
Inside = Callable[[int], bool]

NOW = 1_773_230_400_000
"""When the data ends: 2026-03-11T12:00:00Z."""
DAYS = 90
STREAMS = expected.STREAMS


class Account(DataSet):
    """A support desk whose records are drawn before the first request, not at each one.

    Drawing takes longer than the tap: it would blur what is measured.

    Args:
        conversations: About how many there are.
    """

    def __init__(self, conversations: int) -> None:
        super().__init__(conversations, DAYS, lambda: NOW)
        drawn = DataSet(conversations, DAYS, self.now)
        self._drawn = {name: [*expected.source(drawn, name).values()] for name in STREAMS}

    def conversations(
        self, filters: dict[str, Inside], ids: set[int] | None = None
    ) -> Iterator[Record]:
        """Yield the conversations that pass all filters."""
        for record in self._drawn["conversations"]:
            times = ((record.get(f"{name}_at"), inside) for name, inside in filters.items())
            if (ids is None or record["id"] in ids) and all(
                time is not None and inside(time) for time, inside in times
            ):
                yield record

    def messages(self, inside: Inside, *_: int) -> Iterator[Record]:
        """Yield the messages created inside an interval."""
        return (record for record in self._drawn["messages"] if inside(record["created_at"]))

    def verdict(self, found: dict[str, list[Record]]) -> str:
        """Compare the rows of a warehouse with the account, field by field.

        Args:
            found: The rows of each stream; times as in records of the tap, JSON decoded.

        Returns:
            How many rows there are, and how far they are as they must be.
        """
        count = f"{sum(map(len, found.values())):,} rows"
        rows = {name: _by_id(found[name]) for name in STREAMS}
        if any(len(rows[name]) != len(found[name]) for name in STREAMS):
            return f"{count}, primary keys repeated"
        sent = {name: _by_id(self._drawn[name]) for name in STREAMS}
        exact = {name: _by_id(map(expected.record, self._drawn[name])) for name in STREAMS}
        ways = {
            "exact": exact,
            "'' is NULL": _without_empty(exact),
            "times are integers, `to` is text": _with_text(sent),
        }
        for way, wanted in ways.items():
            if rows == wanted:
                return f"{count}, {way}"
        wrong = sum(
            rows[name].get(key) != exact[name].get(key)
            for name in STREAMS
            for key in exact[name].keys() | rows[name].keys()
        )
        return f"{count}, {wrong:,} wrong"


def _by_id(rows: Any) -> dict[Any, Record]:
    """Leave out nulls and the loader's own columns, and write names in one way."""
    return {
        row["id"]: {
            name.partition("__v_")[0].replace("_", "").lower(): value
            for name, value in row.items()
            if value is not None and not name.startswith("_")
        }
        for row in rows
    }


def _without_empty(records: dict[str, dict[Any, Record]]) -> dict[str, dict[Any, Record]]:
    return {
        name: {
            key: {field: value for field, value in record.items() if value != ""}
            for key, record in rows.items()
        }
        for name, rows in records.items()
    }


def _with_text(records: dict[str, dict[Any, Record]]) -> dict[str, dict[Any, Record]]:
    """Write lists in `to` as text: dlt takes a column's type from its first value."""
    for record in records["messages"].values():
        if isinstance(record.get("to"), list):
            record["to"] = json.dumps(record["to"], separators=(",", ":"), ensure_ascii=False)
    return records

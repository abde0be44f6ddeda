"""Find where the records of a JSON array end, by nothing but its brackets and texts.

Slower than a guess that is verified, and certain: whatever a record looks like, it ends at a
comma that lies in no bracket but the array's own.
"""

from __future__ import annotations

import re

_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT = rb'[{\[][^"\[\]{}]*+(?:%b[^"\[\]{}]*+)*+[}\]]' % _TEXT
"""An object or an array with no other one inside."""
_IN_RECORD = re.compile(
    rb'[^"\[\]{}]*+(?:(?:%b|%b)[^"\[\]{}]*+)*+(["\[\]{}])' % (_TEXT, _FLAT), re.DOTALL
)
_BETWEEN_RECORDS = re.compile(rb'[^",\[\]{}]*+(?:%b[^",\[\]{}]*+)*+([",\[\]{}])' % _TEXT, re.DOTALL)
"""Both end with the next bracket or comma that counts, or with the quotation mark of a text whose
end lies further on."""
_DEPTH = dict.fromkeys(b"[{", 1) | dict.fromkeys(b"]}", -1)
_QUOTE, _COMMA = b'",'


class RecordScanner:
    """Scans a growing part of an array. What was scanned is not scanned again."""

    def __init__(self) -> None:
        self._scanned = 0
        self._depth = 0
        self._last_end: int | None = None

    def last_end(self, data: bytearray, end: int) -> int | None:
        """Find the comma behind the last whole record.

        Args:
            data: A part of an array that starts with the array's bracket, and continues what an
                earlier call got.
            end: Where the part ends.

        Returns:
            The comma's place; None if not even the first record is whole.
        """
        depth, place = self._depth, self._scanned
        while True:
            found = (_IN_RECORD if depth > 1 else _BETWEEN_RECORDS).match(data, place, end)
            if found is None or (sign := data[found.start(1)]) == _QUOTE:
                break
            place = found.end()
            if sign != _COMMA:
                depth += _DEPTH[sign]
            elif depth == 1:
                self._last_end = place - 1
        self._depth, self._scanned = depth, place
        return self._last_end

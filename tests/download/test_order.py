"""The order in which a response has its records."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from tap_dixa.download.spool import Spool, key_decoder
from tap_dixa.download.windows import Window
from tap_dixa.timestamps import DAY

START = 1_700_000_000_000
WINDOW = Window(START, START + 1000)
LONG_AGO = -9 * DAY


@pytest.mark.parametrize(
    ("times", "order"),
    [
        ([1, 2, 3, 4, 5], "ascending"),
        ([5, 4, 3, 2, 1], "descending"),
        ([1, 1, 2, 2, 2, 3], "ascending"),
        ([3, 2, 2, 2, 1, 1], "descending"),
        ([1, 2, 1], "unordered"),
        ([2, 1, 2], "unordered"),
        ([1, 3, 2, 4, 5], "unordered"),
        ([5, 3, 4, 2, 1], "unordered"),
        ([], None),
        ([1], None),
        ([1, 1, 1], None),
        # What lies in another window, or anywhere, does not count.
        ([9000, 1, 2, -9000], "ascending"),
        ([LONG_AGO, 2, LONG_AGO, 1], "descending"),
    ],
)
def test_the_order_of_a_response_is_told(times, order):
    body = json.dumps([{"at": START + time} for time in times]).encode()
    with closing(Spool([body], WINDOW, key_decoder("at", {}))) as spool:
        assert spool.order() == order
        assert len(list(spool)) == len(spool)

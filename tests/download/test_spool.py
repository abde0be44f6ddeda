"""The reader of a response on disk, against Python's own JSON as the oracle."""

import json
import resource
from random import Random

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tap_dixa.download.spool import Spool, key_decoder
from tap_dixa.download.windows import Window
from tap_dixa.errors import DiskError, UnusableRecordError
from tap_dixa.timestamps import DAY
from tests.download.responses import (
    DECODER,
    LONGEST,
    WIDE,
    by_cursor,
    cuts,
    randoms,
    read,
    records,
    spell,
    spool,
    tangled_records,
)

WITH_KEY = key_decoder("at", {"id": int, "b": str})


@given(st.lists(tangled_records, max_size=30), randoms, cuts)
@example([{"at": 1, "a": "}, {" * 90}, {"at": 0, "a": '"},{"at":3},{"'}], None, range(0, 99, 9))
@example([{"at": 1, "a": [{"at": 5}, {"at": 6}] * 200}, {"at": 0}], None, range(0, 999, 9))
def test_every_record_comes_out_in_cursor_order(items, random, cuts):
    texts = [spell(item, random) if random else json.dumps(item) for item in items]
    assume(max(map(len, texts), default=0) < LONGEST - 600)
    comma = random.choice([",", "," + " " * 300]) if random else ","
    assert read(f"[{comma.join(texts)}]".encode(), cuts=cuts) == by_cursor(items)


def test_records_are_in_cursor_order_however_many_there_are():
    # So many that where they lie is not sorted in one go.
    cursors = Random(1).choices(range(10_000), k=30_000)
    items = [{"at": cursor, "number": number} for number, cursor in enumerate(cursors)]
    found = read(json.dumps(items).encode())
    assert found == by_cursor(items)


@given(st.lists(records, max_size=20), st.integers(0, 50), st.integers(0, 50))
def test_only_the_window_is_kept_and_it_is_half_open(items, start, end):
    inside = by_cursor([item for item in items if start <= item["at"] < end])
    assert read(json.dumps(items).encode(), Window(start, end)) == inside


@pytest.mark.parametrize("at", [-90_000_001, 253_402_300_799_999], ids=["past", "future"])
def test_a_record_from_elsewhere_comes_first_and_is_counted(at):
    with spool(f'[{{"at":5}},{{"at":{at}}},{{"at":3}}]'.encode()) as spooled:
        assert [json.loads(text)["at"] for _, text in spooled.records()] == [at, 3, 5]
        assert spooled.out_of_place == 1


@pytest.mark.parametrize("key", ["", '"id":null,', '"id":"1",', '"id":1.0,', '"id":true,'])
def test_a_record_without_a_usable_key_is_refused_and_described(key):
    body = f'[{{"id":1,"b":"x","at":1}},{{{key}"b":"y","at":2}}]'.encode()
    with pytest.raises(UnusableRecordError, match=r"b \(string\), at \(integer\)"):
        Spool([body], WIDE, WITH_KEY)


def test_the_last_of_two_equal_names_counts_as_in_json():
    with spool(b'[{"at":1,"at":3},{"at":2}]') as spooled:
        assert [text for _, text in spooled.records()] == [b'{"at":2}', b'{"at":1,"at":3}']


START = 1_700_000_000_000
LONG_AGO = -9 * DAY


@pytest.mark.parametrize(
    ("times", "order"),
    [
        ([1, 1, 2, 2, 2, 3], "ascending"),
        ([3, 2, 2, 2, 1, 1], "descending"),
        ([1, 2, 1], "unordered"),
        ([5, 3, 4, 2, 1], "unordered"),
        ([], None),
        ([1, 1, 1], None),
        # What lies in another window, or anywhere, does not count.
        ([9000, 1, 2, -9000], "ascending"),
        ([LONG_AGO, 2, LONG_AGO, 1], "descending"),
    ],
)
def test_the_order_of_a_response_is_told(times, order):
    body = json.dumps([{"at": START + time} for time in times]).encode()
    with spool(body, Window(START, START + 1000)) as spooled:
        assert spooled.received_order() == order


def test_a_full_disk_is_said_however_small_the_parts_that_arrive():
    parts = [b"["] + [b'{"at": 1},'] * 5_000
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(DiskError, match="TMPDIR"):
            Spool(parts, WIDE, DECODER)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

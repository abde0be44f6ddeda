"""The reader of a response on disk, against Python's own JSON as the oracle."""

from __future__ import annotations

import json
import resource
import stat
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_dixa.download.spool import Spool, key_decoder
from tap_dixa.download.windows import Window
from tap_dixa.errors import DiskError, UnusableRecordError
from tests.download.responses import (
    DECODER,
    READ_AT_A_TIME,
    WIDE,
    borders,
    by_cursor,
    cuts,
    put_borders,
    randoms,
    raw,
    read,
    records,
    spell_array,
    without_gaps,
)

WITH_KEY = key_decoder("at", {"id": int, "b": str})


def test_every_record_comes_out_in_cursor_order(evidence):
    tried = 0

    @given(st.lists(records, max_size=30), randoms, cuts, borders)
    def fuzz(items, random, places, gaps):
        nonlocal tried
        tried += 1
        body = put_borders(spell_array(items, random, gaps), gaps)
        assert without_gaps(read(body, places=places)) == by_cursor(items)

    fuzz()
    evidence("fuzz: arrays spelled and cut at random, against json.loads", tried)


@given(
    st.lists(records, max_size=30),
    st.sampled_from([None, 1]),
    st.booleans(),
    st.integers(1, 100),
    st.sampled_from(["", " ", "\n\t "]),
    st.none() | st.integers(0, 300),
)
@example(
    [{"at": 1, "a": "}, {" * 90_000}, {"at": 0, "a": '"},{"at":3},{"'}], None, False, 99, "", 9
)
@example([{"at": 1, "a": [{"at": 5}, {"at": 6}] * 20_000}, {"at": 0}], None, True, 999, "", 9)
@example([{"at": 1, "a": [{"at": 5}, {"at": 6}] * 40}, {"at": 0}], None, True, 9, "", 200)
def test_what_pythons_own_writer_writes_is_read(items, indent, ascii_only, chunk, space, border):
    text = space + json.dumps(items, indent=indent, ensure_ascii=ascii_only) + space
    if border is not None:
        text = text.replace("[", "[" + " " * (READ_AT_A_TIME - border), 1)
        chunk *= 1000
    body = text.encode()
    assert read(body, places=range(0, len(body), chunk)) == by_cursor(items)


def test_records_are_in_cursor_order_however_many_there_are(evidence):
    # So many that neither their JSON nor where they lie is sorted in one go.
    cursors = Random(1).choices(range(20_000), k=60_000)
    items = [{"at": cursor, "place": place} for place, cursor in enumerate(cursors)]
    body = json.dumps(items).encode()
    assert len(body) > 4 * READ_AT_A_TIME
    found = read(body)
    assert found == by_cursor(items)
    evidence("records of one response, read in cursor order", len(found))


@given(st.lists(records, max_size=20), st.integers(0, 50), st.integers(0, 50))
def test_only_the_window_is_kept_and_it_is_half_open(items, start, end):
    inside = by_cursor([item for item in items if start <= item["at"] < end])
    assert read(json.dumps(items).encode(), Window(start, end)) == inside


@pytest.mark.parametrize("at", [-90_000_001, 253_402_300_799_999], ids=["past", "future"])
def test_a_record_from_elsewhere_comes_first_and_is_counted(at):
    body = f'[{{"at":5}},{{"at":{at}}},{{"at":3}}]'.encode()
    assert [record["at"] for record in read(body)] == [at, 3, 5]
    with closing(Spool([body], WIDE, DECODER)) as spool:
        assert spool.out_of_place == 1


@pytest.mark.parametrize("key", ["", '"id":null,', '"id":"1",', '"id":1.0,', '"id":true,'])
def test_a_record_without_a_usable_key_is_refused_and_described(key):
    body = f'[{{"id":1,"b":"x","at":1}},{{{key}"b":"y","at":2}}]'.encode()
    with pytest.raises(UnusableRecordError, match=r"b \(string\), at \(integer\)"):
        Spool([body], WIDE, WITH_KEY)


def test_a_key_that_is_no_text_is_refused():
    with pytest.raises(UnusableRecordError):
        Spool([b'[{"id":1,"b":"\xff","at":1}]'], WIDE, WITH_KEY)


def test_the_last_of_two_equal_names_counts_as_in_json():
    body = b'[{"at":1,"at":3},{"at":2}]'
    assert raw(body) == [b'{"at":2}', b'{"at":1,"at":3}']


def test_the_file_has_no_name_and_is_private():
    def opened():
        """Give the descriptors of this process, with what they lead to."""
        found = {}
        for link in Path("/proc/self/fd").iterdir():
            try:
                found[link.name] = link.stat()
            except FileNotFoundError:  # closed meanwhile
                continue
        return found

    before = opened()
    spool = Spool([b"[]"], WIDE, DECODER)
    (status,) = (
        status
        for name, status in opened().items()
        if name not in before and stat.S_ISREG(status.st_mode)
    )
    spool.close()
    assert status.st_nlink == 0
    assert status.st_mode & 0o077 == 0


def test_a_full_disk_is_said_however_small_the_parts_that_arrive():
    parts = [b"["] + [b'{"at": 1},'] * 5_000
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(DiskError, match="TMPDIR"):
            Spool(parts, WIDE, DECODER)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

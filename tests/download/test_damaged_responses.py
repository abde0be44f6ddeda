"""Damaged responses: refused, or read as Python's own JSON reads them."""

from __future__ import annotations

import json
import re
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_dixa.download.spool import Spool
from tap_dixa.errors import BadResponseError, UnusableRecordError
from tap_dixa.timestamps import EARLIEST, LATEST
from tests.download.responses import (
    DECODER,
    READ_AT_A_TIME,
    WIDE,
    borders,
    by_cursor,
    put_borders,
    randoms,
    raw,
    read,
    records,
    spell_array,
)


def test_a_response_that_ends_early_is_never_taken_for_a_whole_one(evidence):
    tried = 0

    @given(
        st.lists(records, min_size=1, max_size=10),
        randoms,
        borders,
        st.data(),
    )
    def fuzz(items, random, gaps, data):
        nonlocal tried
        tried += 1
        body = spell_array(items, random, gaps)
        with pytest.raises(BadResponseError):
            raw(put_borders(body[: data.draw(st.integers(0, len(body) - 1))], gaps))

    fuzz()
    evidence("fuzz: arrays cut short, refused", tried)


def oracle(body: bytes) -> list[dict] | None:
    """Read a response as strictly as JSON is meant; None if it is no array of records."""

    def no_constant(name: str):
        raise ValueError(name)

    def whole(value):
        if isinstance(value, str):
            return re.sub("[\ud800-\udfff]", "\ufffd", value)
        if isinstance(value, list):
            return [whole(part) for part in value]
        if isinstance(value, dict):
            return {whole(name): whole(part) for name, part in value.items()}
        return value

    try:
        found = json.loads(body.decode(errors="replace"), parse_constant=no_constant)
    except ValueError:
        return None
    good = isinstance(found, list) and all(
        isinstance(item, dict) and type(item.get("at")) is int and EARLIEST <= item["at"] <= LATEST
        for item in found
    )
    return whole(found) if good else None


BITS = [
    b"\\ud83d", b"\\udc4d", b"\\ud83d\\udc4d", b"\\\\ud83d", b'"', b"\\", b"\xff", b"\xf0\x9f",
    b"[", b"]", b"{", b"}", b",", b":", b"NaN", b"null", b"1e5", b"-", b"0", b"\x00", b" ", b"\xe9",
]  # fmt: skip


def test_damage_is_refused_or_means_what_json_says(evidence):
    tried, kept = 0, 0

    @given(
        st.lists(records, min_size=1, max_size=8),
        randoms,
        st.lists(
            st.tuples(
                st.integers(0, 500),
                st.integers(0, 3),
                st.sampled_from(BITS) | st.binary(max_size=3),
            ),
            min_size=1,
            max_size=3,
        ),
        borders,
    )
    @example([{"at": 1, "a": "x" * 40}] * 4, None, [(11, 0, b"\\ud83d")], [(0, 14)])
    @example([{"at": 1, "a": "x" * 80}] * 4, None, [(60, 0, b"\\ud83d\\udc4d\\udc4d")], [(0, 64)])
    def fuzz(items, random, changes, gaps):
        nonlocal tried, kept
        tried += 1
        body = spell_array(items, random, gaps)
        for far, length, bit in changes:
            place = far % (len(body) + 1)
            body = body[:place] + bit + body[place + length :]
        body = put_borders(body, gaps)
        wanted = oracle(body)
        try:
            found = read(body)
        except (BadResponseError, UnusableRecordError):
            assert wanted is None
        else:
            kept += 1
            assert found == by_cursor([item for item in wanted if item["at"] in range(1 << 40)])

    fuzz()
    assert kept
    evidence("fuzz: damaged arrays, refused or read as json.loads reads them", tried)


@pytest.mark.parametrize(
    "text", [r"a\ud83d b", r"\udc4d", r"\ud83d", r"\ud83d\ud83d\udc4d", r"\ud83d\n"]
)
def test_half_a_character_is_replaced(text):
    # In the first record: nothing before it could be taken without it.
    body = f'","a":"{text}"}},{{"at":1,"a":"{"x" * 50}"}},{{"at":3,"\\\\ud83d":"👍"}}]'
    wanted = json.loads(f'"{text}"').replace("\ud83d", "\ufffd").replace("\udc4d", "\ufffd")
    place = body.index(text)
    for border in range(place + 10, place + len(text) + 24):
        gap = "." * (READ_AT_A_TIME - border)
        spool = Spool([f'[{{"at":2,"gap":"{gap}{body}'.encode()], WIDE, DECODER)
        first, repaired, last = map(json.loads, spool)
        assert spool.replaced == 1
        assert repaired == {"at": 2, "gap": gap, "a": wanted}
        assert first["a"] == "x" * 50
        assert last == {"at": 3, "\\ud83d": "👍"}
        spool.close()


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"<html></html>", b'{"message": "no"}', b"[] []", b'[{"at":1},]', b'[{"at":1}'],
)
def test_what_is_no_export_is_refused(body):
    with pytest.raises(BadResponseError):
        read(body)


@pytest.mark.parametrize(
    "record",
    ['{"id":1}', '{"at":null}', '{"at":"1"}', '{"at":1.5}', "7", "null", "[]",
     '{"at":1515675600000000}', '{"at":' + "9" * 400 + "}", '{"at":true}'],
)  # fmt: skip
def test_a_record_that_cannot_be_placed_is_refused(record):
    with pytest.raises(UnusableRecordError):
        read(f'[{{"at":1}},{record}]'.encode())


@pytest.mark.parametrize("depth", [500, 1_000_000])
def test_nesting_is_read_or_refused(depth):
    body = b'[{"at":1,"a":%b1%b}]' % (b"[" * depth, b"]" * depth)
    if depth < 1000:
        assert raw(body) == [body[1:-1]]
    else:
        with pytest.raises(UnusableRecordError, match="too deeply"):
            raw(body)


def test_damage_in_a_large_response_does_not_take_it_all_into_memory():
    good = b'{"at":1,"a":"%b"},' % (b"x" * 10_000)
    megabyte = good * 100

    def response():
        yield b"[" + megabyte + b"NaN,"
        for _ in range(200):
            yield megabyte
        yield b"{}]"

    tracemalloc.start()
    try:
        with pytest.raises(BadResponseError, match=r"invalid character"):
            Spool(response(), WIDE, DECODER)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 250_000_000

"""Damaged responses: refused, or read as Python's own JSON reads them."""

import json
import re
from contextlib import closing
from itertools import chain, repeat

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_dixa.download.spool import Spool
from tap_dixa.errors import BadResponseError, UnusableRecordError
from tap_dixa.timestamps import EARLIEST, LATEST
from tests.download.responses import (
    CHUNK,
    DECODER,
    WIDE,
    by_cursor,
    little_memory,
    randoms,
    read,
    records,
    spell_array,
    spool,
)


@given(st.lists(records, min_size=1, max_size=10), randoms, st.data())
def test_a_response_that_ends_early_is_never_taken_for_a_whole_one(items, random, data):
    body = spell_array(items, random).rstrip()
    with pytest.raises(BadResponseError):
        read(body[: data.draw(st.integers(0, len(body) - 1))])


def repaired(value):
    """Replace what no target can store: U+0000 too, which need not be replaced on disk."""
    if isinstance(value, str):
        return re.sub("[\0\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, list):
        return [repaired(item) for item in value]
    if isinstance(value, dict):
        return {repaired(name): repaired(item) for name, item in value.items()}
    return value


def oracle(body: bytes) -> list[dict] | None:
    """Read a response as strictly as JSON is meant; None if it is no array of records."""

    def no_constant(name: str):
        raise ValueError(name)

    try:
        found = json.loads(body.decode(errors="replace"), parse_constant=no_constant)
    except ValueError:
        return None
    good = isinstance(found, list) and all(
        isinstance(item, dict) and type(item.get("at")) is int and EARLIEST <= item["at"] <= LATEST
        for item in found
    )
    return found if good else None


BITS = [
    b"\\ud83d", b"\\udc4d", b"\\ud83d\\udc4d", b"\\\\ud83d", b'"', b"\\", b"\xff", b"\xf0\x9f",
    b"[", b"]", b"{", b"}", b",", b":", b"NaN", b"null", b"1e5", b"-", b"0", b"\x00", b" ", b"\xe9",
]  # fmt: skip
changes = st.tuples(
    st.integers(0, 500), st.integers(0, 3), st.sampled_from(BITS) | st.binary(max_size=3)
)


@given(
    st.lists(records, min_size=1, max_size=8),
    randoms,
    st.lists(changes, min_size=1, max_size=3),
)
@example([{"at": 1, "a": "x" * 40}] * 4, None, [(24, 0, b"\\ud83d")])
@example([{"at": 1, "a": "x" * 80}] * 4, None, [(70, 0, b"\\ud83d\\udc4d\\udc4d")])
def test_damage_is_refused_or_means_what_json_says(items, random, changes):
    body = spell_array(items, random)
    for far, length, bit in changes:
        offset = far % (len(body) + 1)
        body = body[:offset] + bit + body[offset + length :]
    wanted = oracle(body)
    try:
        found = read(body)
    except (BadResponseError, UnusableRecordError):
        assert wanted is None
    else:
        inside = [item for item in wanted if item["at"] in range(1 << 40)]
        assert repaired(found) == repaired(by_cursor(inside))


@pytest.mark.parametrize(
    "text", [r"a\ud83d b", r"\udc4d", r"\ud83d", r"\ud83d\ud83d\udc4d", r"\ud83d\n"]
)
def test_half_a_character_is_replaced_wherever_a_chunk_ends(text):
    wanted = json.loads(f'"{text}"').replace("\ud83d", "\ufffd").replace("\udc4d", "\ufffd")
    for far in range(CHUNK):
        gap = "." * far
        # In the first record: nothing before it could be taken without it.
        first = f'{{"at":1,"gap":"{gap}","a":"{text}"}}'
        with spool(f'[{first},{{"at":2}},{{"at":3,"\\\\ud83d":"👍"}}]'.encode()) as spooled:
            found = [json.loads(text) for _, text in spooled.records()]
            assert spooled.replaced == 1
        repaired = {"at": 1, "gap": gap, "a": wanted}
        assert found == [repaired, {"at": 2}, {"at": 3, "\\ud83d": "👍"}]


@pytest.mark.parametrize(
    "record",
    ['{"id":1}', '{"at":null}', '{"at":"1"}', '{"at":1.5}', "7", "null", "[]", '{"at":true}',
     '{"at":1515675600000000}', f'{{"at":{"9" * 400}}}',
     f'{{"at":1,"a":{"[" * 100_000 + "]" * 100_000}}}'],
)  # fmt: skip
def test_a_record_that_cannot_be_used_is_refused(record):
    with pytest.raises(UnusableRecordError):
        read(f'[{{"at":1}},{record}]'.encode())


@pytest.mark.usefixtures("usual_sizes")
def test_damage_in_a_large_response_does_not_take_it_all_into_memory():
    megabyte = b'{"at":1,"a":"%b"},' % (b"x" * 10_000) * 100
    body = chain([b"[", megabyte, b"NaN,"], repeat(megabyte, 200), [b"{}]"])
    with little_memory(20_000_000), pytest.raises(BadResponseError, match="invalid character"):
        Spool(body, WIDE, DECODER)


@pytest.mark.usefixtures("usual_sizes")
def test_140_megabytes_whose_first_record_starts_otherwise_are_read_in_little_memory():
    inner = b",".join(b'{"id":"%06d","type":{"name":"{[,"}}' % number for number in range(3000))
    record = b',{"id":2,"at":1,"a":[%b]}' % inner
    count = 140_000_000 // len(record)
    body = chain([b'[{"id":1,"at":1}'], repeat(record, count), [b"]"])
    with little_memory(10_000_000), closing(Spool(body, WIDE, DECODER)) as spooled:
        assert len(spooled) == count + 1

"""Arrays whose records defeat every guess at where they end, against Python's own JSON."""

from __future__ import annotations

import json
import os
import tempfile
import tracemalloc
from contextlib import closing
from itertools import chain, repeat

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tap_dixa.download.json_array import JsonArray
from tap_dixa.download.spool import Spool, key_decoder
from tap_dixa.download.windows import Window
from tap_dixa.errors import BadResponseError, UnusableRecordError

CHUNK, LONGEST = 256, 1 << 15
"""As if a chunk had 256 bytes and memory held 32 kB: what happens at 128 MB happens here."""

texts = st.text(max_size=8) | st.sampled_from(
    [
        '},{"id":1',
        "[{",
        "}]",
        '"',
        "\\",
        '\\"',
        ',{"',
        "🎉",
        "{" * 60,
        "]," * 60,
        "x" * 900,
        "HALF",
        "HALF ",
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: (
        st.lists(inner, max_size=20) | st.dictionaries(texts, inner, max_size=20)
        | st.tuples(inner, st.integers(1, 40)).map(lambda pair: [pair[0]] * pair[1])
    ),
    max_leaves=15,
)  # fmt: skip
braces = st.integers(1, 150).map(lambda count: [{"id": 1, "a": {}}] * count)
towers = st.integers(1, 100).map(lambda depth: json.loads('{"id":[' * depth + "]}" * depth))
records = st.dictionaries(st.sampled_from(["id", "a", "b"]) | texts, values | braces | towers)
separators = st.sampled_from(
    [(",", ":"), (", ", ": "), (" ,\r\n\t ", " : "), ("," + " " * 300, ":")]
)


def read(body: bytes) -> list:
    """Read an array chunk by chunk, checking that each chunk is where it claims to be."""
    with tempfile.TemporaryFile() as file:
        file.write(body)
        file.flush()
        found = []
        array = JsonArray(file.fileno(), len(body), chunk_size=CHUNK, longest_record=LONGEST)
        for chunk in array:
            assert len(chunk.text) <= LONGEST
            inside = len(chunk.text) - 2
            assert chunk.text[1:-1] == os.pread(file.fileno(), inside, chunk.position + 1)
            found += [json.loads(bytes(record)) for record in chunk.records]
        return found


def test_no_valid_array_is_refused_whatever_its_records_look_like(evidence):
    tried = 0

    @given(st.lists(records, max_size=8), separators, st.booleans())
    @example([{"id": first, "a": [{"id": 1}] * 200} for first in (9, 10, 11)], (",", ":"), True)
    @example([{"id": 1}, 7, "},{", None, [[{}]], *[3] * 500, {"id": 2}], (",", ":"), True)
    def fuzz(items, spelling, ascii_only):
        nonlocal tried
        spelled = [
            json.dumps(item, separators=spelling, ensure_ascii=ascii_only).encode()
            for item in items
        ]
        assume(max(map(len, spelled), default=0) < LONGEST - 400)
        tried += 1
        body = b"[" + spelling[0].encode().join(spelled) + b"]"
        wanted = json.loads(body.replace(b"HALF", rb"\ufffd"))
        assert read(body.replace(b"HALF", rb"\ud83d")) == wanted

    fuzz()
    evidence("fuzz: arrays of large records full of brackets, read", tried)


def test_300_megabytes_whose_first_record_starts_otherwise_are_read_in_little_memory():
    inner = b",".join(b'{"id":"%06d","type":{"name":"{[,"}}' % number for number in range(3000))
    record = b',{"id":2,"at":1,"a":[%b]}' % inner
    count = 300_000_000 // len(record)
    body = chain(
        [record.replace(b",", b"[", 1).replace(b"2", b"1", 1)], repeat(record, count), [b"]"]
    )
    tracemalloc.start()
    try:
        with closing(Spool(body, Window(0, 2), key_decoder("at", {"id": int}))) as spool:
            _, peak = tracemalloc.get_traced_memory()
            assert len(spool) == count + 1
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize("start", ['{"a":"', '{"a":[', '{"a":{"b":"},{', '"', "[" * 40])
def test_a_record_that_memory_does_not_hold_is_said_to_be_too_long(start):
    body = f'[{{"id":1}},{start}{"x" * 2 * LONGEST if start.count(chr(34)) % 2 else "1," * LONGEST}'
    with pytest.raises(UnusableRecordError, match=r"longer than .* MB"):
        read(body.encode())


@pytest.mark.parametrize("damage", ['{"a":"b}', '{"a":1]', "{,", '"', "]", "}}", '{"a":nul}'])
def test_damage_is_not_taken_for_a_long_record(damage):
    rest = ',{"id":1,"a":[{}]}' * LONGEST
    with pytest.raises(BadResponseError, match="incomplete or damaged"):
        read(f'[{{"id":1}},{damage}{rest}]'.encode())

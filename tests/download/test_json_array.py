"""Arrays whose records defeat every guess at where they end, against Python's own JSON."""

import json
import os
import tempfile
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tap_dixa.download.json_array import JsonArray
from tap_dixa.errors import BadResponseError, UnusableRecordError
from tests.download.responses import CHUNK, LONGEST

TEXTS = [
    *('},{"id":1', "[{", "}]", '"', "\\", '\\"', ',{"', "🎉é", "", "id", "a", "HALF", "HALF "),
    *("{" * 60, "]," * 60, "x" * 700, '\\"' * 90),
]
SPELLINGS = [(",", ":"), (", ", ": "), (" ,\r\n\t ", " : "), ("," + " " * 300, ":")]


def value(random, depth=0):
    """Make something that JSON can spell, with many brackets in it."""
    kind = random.randrange(10 if depth < 5 else 4)
    if kind < 4:
        return random.choice([*TEXTS, 7, -1.5, None, True])
    if kind == 4:
        return [{"id": 1, "a": {}}] * random.randrange(60)
    if kind == 5:
        return json.loads('{"id":[' * (tall := random.randrange(1, 60)) + "]}" * tall)
    if kind < 8:
        return [value(random, depth + 1) for _ in range(random.randrange(6))]
    return {random.choice(TEXTS): value(random, depth + 1) for _ in range(random.randrange(6))}


def read(body: bytes) -> list:
    """Read an array record by record, checking that each is where it is said to be."""
    with tempfile.TemporaryFile() as file:
        file.write(body)
        file.flush()
        found = []
        for position, record in JsonArray(file.fileno(), len(body)):
            assert bytes(record) == os.pread(file.fileno(), len(record), position)
            found.append(json.loads(bytes(record)))
        return found


def test_no_valid_array_is_refused_whatever_its_records_look_like(evidence):
    tried = 0

    @given(st.integers(0, 1 << 32).map(Random))
    def fuzz(random):
        nonlocal tried
        comma, _ = spelling = random.choice(SPELLINGS)
        items = [{"id": 9 + n, "a": value(random)} for n in range(random.randrange(12))]
        items += [value(random)] * random.randrange(3)
        items *= random.randrange(1, 3)
        ascii_only = random.random() < 0.5
        texts = [json.dumps(x, separators=spelling, ensure_ascii=ascii_only) for x in items]
        body = f"{' ' * random.choice([0, 90])}[{comma.join(texts)}]".encode()
        assume(max(map(len, texts), default=0) < LONGEST - 600)
        tried += 1
        wanted = json.loads(body.replace(b"HALF", rb"\ufffd"))
        assert read(body.replace(b"HALF", rb"\ud83d")) == wanted

    fuzz()
    assert tried
    evidence("fuzz: arrays of large records full of brackets, read", tried)


@pytest.mark.parametrize("far", range(11))
@pytest.mark.parametrize(
    ("start", "more"),
    [
        ('{"a":"', "x"),
        ('{"a":"', r"\ud83d\udc4d"),
        ('{"a":"', r"\ud83d"),
        ('{"a":[', "-1.5e+10,"),
        ('{"a":["\\ud83d",', "true,"),
        ('{"a":{"b":"},{"},"c":[', "{},"),
        ('"', "x"),
        ("", "["),
    ],
)
def test_a_record_that_memory_does_not_hold_is_said_to_be_too_long(start, more, far):
    body = f'[{{"id":1}},{" " * far}{start}{more * LONGEST}'
    with pytest.raises(UnusableRecordError, match=r"longer than .* MB|nested too deeply"):
        read(body.encode())


@pytest.mark.parametrize("damage", ['{"a":"b}', '{"a":1]', "{,", '"', "]", "}}", '{"a":nul}'])
def test_damage_is_not_taken_for_a_long_record(damage):
    rest = ',{"id":1,"a":[{}]}' * LONGEST
    with pytest.raises(BadResponseError, match="incomplete or damaged"):
        read(f'[{{"id":1}},{damage}{rest}]'.encode())


@pytest.mark.parametrize("far", [0, 1, CHUNK - 2, CHUNK - 1, CHUNK, 3 * CHUNK])
@pytest.mark.parametrize(
    "body", ["[_,_]", "[_,{}_]", "[_{}_,_]", "[{},_,_{}]", "[{}_,_]", "[,_{}]", "[_,_,_]", "[{}_,"]
)
def test_a_comma_without_a_record_is_damage_however_far_it_is_from_one(body, far):
    with pytest.raises(BadResponseError, match="incomplete or damaged"):
        read(body.replace("_", " " * far).encode())


@pytest.mark.parametrize("far", [0, 1, CHUNK - 2, CHUNK - 1, CHUNK, 3 * CHUNK])
@pytest.mark.parametrize("body", ["[_]_", "[_{}_]", "[_{}_,_{}_]", "[_{}_,_{}_,_{}_]"])
def test_spaces_between_records_are_no_damage(body, far):
    assert read(body.replace("_", " " * far).encode()) == [{}] * body.count("{")

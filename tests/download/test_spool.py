"""The reader of a response on disk, against Python's own JSON as the oracle."""

from __future__ import annotations

import json
import re
import resource
import stat
import tracemalloc
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_dixa.download.spool import Spool, key_decoder
from tap_dixa.download.windows import Window
from tap_dixa.errors import BadResponseError, DiskError, UnusableRecordError
from tap_dixa.timestamps import EARLIEST, LATEST

WIDE = Window(0, 1 << 40)
READ_AT_A_TIME = 1 << 18
"""How many bytes are read at a time, more or less. What lies around such a border matters."""
DECODER = key_decoder("at", {})
WITH_KEY = key_decoder("at", {"id": int, "b": str})

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
records = st.builds(
    lambda fields, cursor, first: (
        {"at": cursor, **fields, "at": cursor} if first else {**fields, "at": cursor}  # noqa: F601
    ),
    st.dictionaries(
        st.sampled_from(["id", "a", "},{", "é", "[", '"', "\\", "🎉"]), json_values, max_size=4
    ),
    st.integers(0, 50),
    st.booleans(),
)
cuts = st.lists(st.integers(0, 2000), max_size=12) | st.just(range(2000))
randoms = st.integers(0, 1 << 32).map(Random)
borders = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 300)), max_size=2)
"""Records, by number, and how many bytes after their beginning a border is to fall."""


def split(body: bytes, places) -> list[bytes]:
    ends = [*sorted(places), len(body)]
    return [body[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def raw(body: bytes, window: Window = WIDE, places=()) -> list[bytes]:
    spool = Spool(split(body, places), window, DECODER)
    try:
        found = list(spool)
        assert len(spool) == len(found)
        assert spool.size == len(body)
        return found
    finally:
        spool.close()


def read(body: bytes, window: Window = WIDE, places=()) -> list[dict]:
    return [json.loads(record.decode(errors="replace")) for record in raw(body, window, places)]


def spell(value, random) -> str:
    """Write JSON in one of the countless ways that mean the same."""

    def space() -> str:
        return "".join(random.choices(" \t\r\n", k=random.randrange(3))) if random else ""

    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=random.random() < 0.5).replace(
            "/", random.choice(["/", "\\/", "\\u002F"])
        )
    if isinstance(value, dict):
        inner = [f"{spell(k, random)}{space()}:{spell(v, random)}" for k, v in value.items()]
        return space() + "{" + ",".join(inner) + space() + "}" + space()
    if isinstance(value, list):
        return space() + "[" + ",".join(spell(v, random) for v in value) + "]" + space()
    return space() + json.dumps(value) + space()


def spell_array(items, random, gaps=()) -> bytes:
    """Write an array; some records begin with a control character, no part of JSON, as a gap."""
    parts = [spell(item, random) if random else json.dumps(item) for item in items]
    for number, (place, _) in enumerate(gaps, 1):
        if parts:
            place %= len(parts)  # noqa: PLW2901
            parts[place] = parts[place].replace("{", f'{{"gap":"{chr(number)}",', 1)
    return f"[{','.join(parts)}]".encode()


def put_borders(body: bytes, gaps=()) -> bytes:
    """Fill the gaps with so much that a border falls where it is to."""
    for number, (_, behind) in enumerate(gaps, 1):
        body = body.replace(bytes([number]), b"." * (READ_AT_A_TIME - behind))
    return body


def without_gaps(items: list[dict]) -> list[dict]:
    return [{name: item[name] for name in item if name != "gap"} for item in items]


def by_cursor(items: list[dict]) -> list[dict]:
    return sorted(items, key=lambda item: item["at"])


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


@pytest.mark.parametrize("at", [-90_000_001, 253_402_300_799_999], ids=["past", "future"])
def test_a_record_from_elsewhere_comes_first_and_is_counted(at):
    body = f'[{{"at":5}},{{"at":{at}}},{{"at":3}}]'.encode()
    assert [record["at"] for record in read(body)] == [at, 3, 5]
    with closing(Spool([body], WIDE, DECODER)) as spool:
        assert spool.out_of_place == 1


@pytest.mark.parametrize("key", ["", '"id":null,', '"id":"1",', '"id":1.0,', '"id":true,'])
def test_a_record_without_a_usable_key_is_refused_and_shown(key):
    body = f'[{{"id":1,"b":"x","at":1}},{{{key}"b":"y","at":2}}]'.encode()
    with pytest.raises(UnusableRecordError, match=r'"b":"y","at":2'):
        Spool([body], WIDE, WITH_KEY)


def test_a_key_that_is_no_text_is_refused():
    with pytest.raises(UnusableRecordError):
        Spool([b'[{"id":1,"b":"\xff","at":1}]'], WIDE, WITH_KEY)


def test_the_last_of_two_equal_names_counts_as_in_json():
    body = b'[{"at":1,"at":3},{"at":2}]'
    assert raw(body) == [b'{"at":2}', b'{"at":1,"at":3}']


@pytest.mark.parametrize("depth", [500, 100_000])
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

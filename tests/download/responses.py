"""Responses spelled and cut in countless ways, and what is read of them."""

from __future__ import annotations

import json
from contextlib import closing
from random import Random

from hypothesis import strategies as st

from tap_dixa.download.spool import Spool, key_decoder
from tap_dixa.download.windows import Window

WIDE = Window(0, 1 << 40)
READ_AT_A_TIME = 1 << 18
"""How many bytes are read at a time, more or less. What lies around such a border matters."""
DECODER = key_decoder("at", {})

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
    with closing(Spool(split(body, places), window, DECODER)) as spool:
        found = list(spool)
        assert len(spool) == len(found)
        assert spool.size == len(body)
        return found


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

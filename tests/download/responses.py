"""Responses spelled and cut in countless ways, and what is read of them."""

import json
import tracemalloc
from contextlib import closing, contextmanager
from random import Random

from hypothesis import strategies as st

from tap_dixa.download.spool import Spool, key_decoder
from tap_dixa.download.windows import Window

CHUNK, LONGEST = 128, 1 << 14
WIDE = Window(0, 1 << 40)
DECODER = key_decoder("at", {})

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)
"""Without U+0000, which is replaced."""
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
TEXTS = [
    *('},{"id":1', "[{", "}]", '"', "\\", '\\"', ',{"', "🎉é", "", "id", "a"),
    *("{" * 60, "]," * 60, "x" * 700, '\\"' * 90),
]


def tangle(random: Random, depth: int = 0):
    """Make something with many brackets in it, which defeats every guess at where it ends."""
    kind = random.randrange(10 if depth < 5 else 4)
    if kind < 4:
        return random.choice([*TEXTS, 7, -1.5, None, True])
    if kind == 4:
        return [{"id": 1, "a": {}}] * random.randrange(60)
    if kind == 5:
        return json.loads('{"id":[' * (tall := random.randrange(1, 60)) + "]}" * tall)
    if kind < 8:
        return [tangle(random, depth + 1) for _ in range(random.randrange(6))]
    return {random.choice(TEXTS): tangle(random, depth + 1) for _ in range(random.randrange(6))}


def records_of(values):
    """Build records whose replication key is their first or last field."""
    return st.builds(
        lambda fields, cursor, first: (
            {"at": cursor, **fields, "at": cursor} if first else {**fields, "at": cursor}  # noqa: F601
        ),
        st.dictionaries(
            st.sampled_from(["id", "a", "},{", "é", "[", '"', "\\", "🎉"]), values, max_size=4
        ),
        st.integers(0, 50),
        st.booleans(),
    )


records = records_of(json_values)
tangled_records = records_of(json_values | st.integers(0, 1 << 32).map(Random).map(tangle))
cuts = st.lists(st.integers(0, 2000), max_size=12) | st.just(range(2000))
randoms = st.none() | st.integers(0, 1 << 32).map(Random)


def spool(body: bytes, window: Window = WIDE, cuts=()) -> closing[Spool]:
    """Spool a response that arrives in parts."""
    ends = [*sorted(cuts), len(body)]
    parts = [body[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return closing(Spool(parts, window, DECODER))


def read(body: bytes, window: Window = WIDE, cuts=()) -> list[dict]:
    with spool(body, window, cuts) as spooled:
        found = [text for _, text in spooled.records()]
        assert len(spooled) == len(found)
        assert spooled.size == len(body)
        return [json.loads(record.decode(errors="replace")) for record in found]


def spell(value, random) -> str:
    """Write JSON in one of the countless ways that mean the same."""

    def space() -> str:
        return "".join(random.choices(" \t\r\n", k=random.randrange(3)))

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


def spell_array(items, random=None) -> bytes:
    return (spell(items, random) if random else json.dumps(items)).encode()


def by_cursor(items: list[dict]) -> list[dict]:
    return sorted(items, key=lambda item: item["at"])


@contextmanager
def little_memory(limit: int):
    """Check that no more memory is needed than this, in bytes."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
        assert peak < limit
    finally:
        tracemalloc.stop()

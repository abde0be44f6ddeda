from __future__ import annotations

import json

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from tap_dixa.drafts import compile_draft, value_of
from tap_dixa.shapes import compile_shape
from tests.schema import SCHEMA

NAMES = [*SCHEMA["properties"], "value", "new", "old_count"]
SCHEMA_WITH_ODD_NAMES = {
    "type": "object",
    "properties": {
        **SCHEMA["properties"],
        "from": {"type": ["string", "null"], "format": "date-time"},
        "nested": {"type": ["object", "null"], "properties": SCHEMA["properties"]},
        "untyped": {},
        "bare": {"type": ["array", "null"]},
        "not a name: import os": {"type": ["array", "null"], "items": {"type": "string"}},
    },
}
odd_names = [*NAMES, "from", "nested", "untyped", "bare", "not a name: import os"]

timestamps = st.integers(0, 10**13)
values = st.recursive(
    st.none()
    | st.booleans()
    | timestamps
    | st.floats(0, 1)
    | st.text(max_size=3)
    | st.just("1500"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(odd_names), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(odd_names), values), st.booleans())
@example({"at": 1, "parts": [{"at": 2, "value": "é"}], "many": "x", "from": 0}, False)
@example({"parts": [{"new": 1}]}, True)
@example({"nested": {"at": 1, "many": "x"}, "untyped": [1], "bare": "x"}, True)
def test_both_conversions_give_the_same_record(record, ascii_only):
    def convert():
        return compile_shape(SCHEMA_WITH_ODD_NAMES, unknown.append, {"old_count": "count"})

    text = json.dumps(record, ensure_ascii=ascii_only).encode()
    unknown = []
    converted = convert()(json.loads(text))
    wanted, unknown = (converted, sorted(unknown)), []
    fast = compile_draft(SCHEMA_WITH_ODD_NAMES, convert())(text)
    assert (json.loads(msgspec.json.encode(fast)), sorted(unknown)) == wanted
    if isinstance(converted.get("at"), str):
        assert value_of(fast, "at") == converted["at"]

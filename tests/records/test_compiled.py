import json

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_dixa.records.normalize import Exclusions
from tests.records.normalizers import NOTHING, SCHEMA, compiled, plain

names = st.sampled_from([*SCHEMA["properties"], "value", "new", "old_count", 'a"', "parts.at"])
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(0, 10**13)
    | st.floats(0, 1)
    | st.text(max_size=3)
    | st.just("1500"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=8,
)
EXCLUDED = Exclusions(frozenset({"new", "parts", "count", "size"}))


def encoded(record):
    return json.loads(msgspec.json.encode(record))


@pytest.mark.parametrize(
    "exclusions",
    [NOTHING, EXCLUDED, Exclusions(everything=True)],
    ids=["column", "excluded", "no column"],
)
@given(st.lists(st.dictionaries(names, values), min_size=1, max_size=4), st.booleans())
@example([{"at": 1, "parts": [{"at": 2, "value": "é"}], "many": "x", "from": 0}], False)
@example([{"parts": [{"new": 1}, {}, {"new": 2}], "new": [3]}] * 3, True)
@example([{"nested": {"at": 1, "count": [1], "new": 4}, "bare": "x"}] * 2, True)
@example([{"count": {}, "size": [], "old_count": 1, "new": 1, "parts": [{"new": 2}]}] * 3, True)
@example([{"count": 1, "old_count": 2}, {"old_count": 3}, {'a"': 4, "a\\": 5}, {'a"': 6}], True)
def test_both_give_the_same_records_one_after_the_other(exclusions, records, ascii_only):
    normalize, warnings = plain(SCHEMA, exclusions, old_count="count")
    normalize_raw, warnings_raw = compiled(SCHEMA, exclusions, old_count="count")
    for record in records:
        text = json.dumps(record, ensure_ascii=ascii_only).encode()
        wanted = normalize(json.loads(text))
        assert encoded(normalize_raw(text)) == wanted
        assert warnings_raw == warnings


def test_a_record_as_documented_is_not_decoded_to_a_dictionary():
    normalize, _ = compiled()
    for record in (
        {"at": 1, "parts": [{"at": "2026-01-05", "value": "é"}], "many": "x", "from": 0},
        {"nested": {"at": 1, "count": ["x"]}, "many": ["x"], "bare": [2], "open": {"a": {}}},
        {"size": 1, "flag": True, "either": "5", "text": None, "count": None},
    ):
        assert not isinstance(normalize(json.dumps(record, indent=2).encode()), dict)


def test_nor_is_a_record_with_a_field_that_was_met_before():
    normalize, _ = compiled(SCHEMA, Exclusions(frozenset({"excluded"})))
    text = b'{"count":1,"new":{"a":\n1},"excluded":[1],"a.b":[ ]}'
    assert isinstance(normalize(text), dict)
    second = normalize(text)
    assert not isinstance(second, dict)
    assert msgspec.json.encode(second) == (
        b'{"count":1,"additional_properties":{"new":{"a":1},"\\"a.b\\"":[]}}'
    )


def test_more_new_fields_than_are_worth_it_are_still_kept():
    (normalize, _), (normalize_raw, _) = plain(), compiled()
    records = [{f"new {number}": number for number in range(98)}]
    records += [{f"new {number}": number} for number in range(95, 105)]
    records += [{"a very long name " * 100_000: 1}, {"": 1}, {"\u200b": 2}] * 2
    for record in records:
        text = json.dumps({**record, "count": 1}).encode()
        assert encoded(normalize_raw(text)) == normalize(json.loads(text))

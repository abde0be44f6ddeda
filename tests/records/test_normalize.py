import json
from copy import deepcopy

import pytest

from tap_dixa.records.json_numbers import decode
from tests.records.normalizers import SCHEMA, plain


@pytest.fixture
def normalizer():
    return plain(SCHEMA, old_count="count")


@pytest.fixture
def normalize(normalizer):
    return normalizer[0]


@pytest.fixture
def warnings(normalizer):
    return normalizer[1]


def new(field, fate="in additional_properties"):
    return f"s: field {field} is not in the schema; its values are {fate}"


def misfit(field, shown):
    fate = "such values are in additional_properties, and the field is null"
    return f"s: field {field} of record  is {shown}, which its schema does not allow; {fate}"


FITTED = [
    ({"at": 1_500}, {"at": "1970-01-01T00:00:01.500Z"}),
    ({"parts": [{"at": 0}, {}]}, {"parts": [{"at": "1970-01-01T00:00:00.000Z"}, {}]}),
    ({"at": "20260105"}, {"at": "2026-01-05T00:00:00.000Z"}),
    ({"at": 1767571200000.0}, {"at": "2026-01-05T00:00:00.000Z"}),
    ({"many": "one", "parts": {"value": "v"}}, {"many": ["one"], "parts": [{"value": ["v"]}]}),
    ({"many": [7, None, "a"]}, {"many": ["7", None, "a"]}),
    ({"many": 7}, {"many": ["7"]}),
    ({"at": None, "many": None}, {"at": None, "many": None}),
    ({"open": {"anything": [1, {"at": 0}]}}, {"open": {"anything": [1, {"at": 0}]}}),
    ({"old_count": 3}, {"count": 3}),
    ({"count": "123"}, {"count": 123}),
    ({"count": 1000.0}, {"count": 1000}),
    ({"count": "-9223372036854775808"}, {"count": -(2**63)}),
    ({"text": 7}, {"text": "7"}),
    ({"text": 1.5}, {"text": "1.5"}),
    ({"text": True}, {"text": "true"}),
    ({"flag": "true"}, {"flag": True}),
    ({"size": "1.5"}, {"size": 1.5}),
    ({"size": 2}, {"size": 2}),
    ({"either": "5"}, {"either": "5"}),
    ({"either": 5}, {"either": 5}),
    ({"either": 1.5}, {"either": "1.5"}),
]  # fmt: skip


@pytest.mark.parametrize(("record", "wanted"), FITTED, ids=str)
def test_what_converts_without_loss_is_converted(normalize, warnings, record, wanted):
    assert json.dumps(normalize(deepcopy(record))) == json.dumps(wanted)  # 1 is not 1.0 or True
    assert warnings == []


MOVED = [
    ("count", 1.5, "a number"),
    ("count", "1.5", "a string"),
    ("count", "007", "a string"),
    ("count", " 1", "a string"),
    ("count", True, "a boolean"),
    ("count", 1e300, "a number"),
    ("flag", 1, "an integer"),
    ("size", "1.50", "a string"),
    ("size", "nan", "a string"),
    ("text", {"a": 1}, "an object"),
    ("text", ["a"], "an array"),
    ("at", True, "a boolean"),
    ("at", 1767571200000000, "an integer"),
    ("at", 1767571200.5, "a number"),
    ("at", "Jane Doe", "a string"),
    ("many", [{"a": 1}, "b"], "an array"),
    ("many", {"a": 1}, "an object"),
    ("parts", [{"value": "v", "new": 1}, None], "an array"),
    ("parts", 5, "an integer"),
    ("open", "text", "a string"),
]


@pytest.mark.parametrize(("field", "value", "shown"), MOVED)
def test_what_does_not_convert_moves_whole(normalize, warnings, field, value, shown):
    for record in ({"text": "t", field: deepcopy(value)}, {field: deepcopy(value)}):
        normalized = normalize(record)
        assert normalized[field] is None
        assert normalized["additional_properties"] == {field: value}
    assert warnings == [misfit(field, shown)]  # once, and nothing of a text


@pytest.mark.parametrize(
    ("record", "count", "moved"),
    [
        ({"count": 1, "old_count": 2}, 1, {"old_count": 2}),
        ({"old_count": 2, "count": 1}, 1, {"old_count": 2}),
        ({"old_count": 2}, 2, None),
        ({"count": 1, "old_count": 1}, 1, None),
        ({"count": None, "old_count": 2}, 2, None),
        ({"count": 1, "old_count": None}, 1, None),
    ],
)
def test_a_second_name_beside_the_first_keeps_its_value(normalize, record, count, moved):
    found = normalize(record)
    assert (found["count"], found.get("additional_properties")) == (count, moved)


def test_inside_objects_only_what_has_no_field_moves(normalize, warnings):
    record = {"new": 1, "parts": [{}, {"newer": {"x": 2}, "at": "soon", "value": ["a", {}]}]}
    assert normalize(record) == {
        "parts": [{}, {"at": None, "value": None}],
        "additional_properties": {
            "new": 1, "parts.1.newer": {"x": 2}, "parts.1.at": "soon", "parts.1.value": ["a", {}],
        },
    }  # fmt: skip
    normalize({"new": 2, "parts": {"newer": 3}})
    assert warnings == [
        new("new"),
        new("parts[].newer"),
        misfit("parts[].at", "a string"),
        misfit("parts[].value", "an array"),
    ]


def test_names_that_are_data_fill_neither_the_log_nor_the_memory(normalize, warnings):
    for number in range(100):
        normalize({f"{number} {'customer ' * 100_000}": 1})
    assert warnings == [new("(not a plain name)")]
    for number in range(100):
        normalize({f"new_{number}": 1})
    assert len(warnings) == 51
    assert warnings[-1] == "s: further such fields are not logged"


def test_no_two_values_have_one_name_in_the_column(normalize):
    names = ["parts.0.new", '"parts.0.new"', '"parts.0"', "parts.0.at", "at.", ".", "", '"', "\\."]
    record = {name: name for name in (*names, "additional_properties", "additional_properties.")}
    sent = {**record, "at": "soon", "parts": [{"new": 1, "at": "soon", "0.new": 2, ".": 3}]}
    moved = normalize(deepcopy(sent))["additional_properties"]
    assert sorted(map(str, moved.values())) == sorted([*record, "soon", "soon", "1", "2", "3"])
    assert moved["parts.0.new"] == 1
    assert moved['"parts.0.new"'] == "parts.0.new"
    assert moved['parts.0."0.new"'] == 2


@pytest.mark.parametrize("levels", [4, 500, 501])
def test_a_value_that_is_nested_too_deeply_to_be_written_is_refused(levels):
    text = b'{"new":%b%b}' % (b"[" * levels, b"]" * levels)
    if levels <= 500:
        assert decode(text) == json.loads(text)
    else:
        with pytest.raises(RecursionError, match="more than 501 levels"):
            decode(text)

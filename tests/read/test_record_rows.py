"""Rows of the Analytics and the Intelligence API: records and their keys."""

import json
from collections import Counter
from contextlib import closing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_dixa.download.windows import Window
from tap_dixa.errors import DiskError
from tap_dixa.read.lists import as_array
from tap_dixa.read.record_rows import (
    RowNumbers,
    RowSpool,
    analytics_row,
    join_columns,
    whole_row,
)
from tests.conftest import DAY, HOUR, NOON
from tests.expected import iso, rfc3339

AGENT = "e756afa3-77cb-424c-8210-edc93a8926bc"
NOW = iso(NOON)
WINDOW = Window(NOON - DAY, NOON + DAY)


def row(time=NOW, score=3, **values):
    """Give a row of Analytics as Dixa documents it."""
    fields = [{"name": name, "field": {"value": value}} for name, value in values.items()]
    return {
        "primaryTimestampField": {"name": "rated_at", "timestamp": time},
        "value": {"value": score, "_type": "LongField"},
        "fields": fields,
    }


def read(rows, make=analytics_row, window=WINDOW, numbers=None):
    """Give the records of rows, of which a run may have read some before."""
    body = as_array(msgspec.json.encode(make(each, "ratings", window.start)) for each in rows)
    with closing(RowSpool(body, window, numbers or RowNumbers())) as spool:
        return [json.loads(text) for _, text in spool.records()]


def test_keys_are_those_of_earlier_versions():
    values = {"csid": 7, "agent_id": AGENT, "closed_by": "AGENT"}
    rows = [row(iso(NOON + 250), score, **values) for score in (3, 4)]
    for each in [*rows, earlier := row(**values)]:
        each["fields"].append({"name": "tags", "field": {"values": [{"value": AGENT}]}})
    assert [(record["id"], record["value"]["value"]) for record in read([*rows, earlier])] == [
        ("f4d8374a-ac11-5d27-88b1-c0b10a585410", 3),
        ("1e382d3a-e44d-5419-8a4f-7a9d37e2945d", 3),
        ("afb1bc6d-76d0-5dd2-8597-a9d9eaa3100f", 4),
    ]


documented = st.builds(
    row,
    st.sampled_from([iso(NOON), iso(NOON + 1), iso(NOON + HOUR)]),
    score=st.integers(1, 2),
    csid=st.integers(1, 2),
)


@given(st.lists(documented, max_size=12), st.randoms())
def test_the_keys_do_not_depend_on_the_order_of_rows(rows, random):
    found = read(rows)
    random.shuffle(rows)
    assert read(rows) == found
    assert len({record["id"] for record in found}) == len(found) == len(rows)
    assert [record["timestamp"] for record in found] == sorted(
        rfc3339(each["primaryTimestampField"]["timestamp"]) for each in rows
    )
    # Nor on what a window has beside them.
    first = Window(NOON, NOON + 1)
    assert read(rows, window=first) == [r for r in found if r["timestamp"] == rfc3339(iso(NOON))]


def test_a_measure_that_changes_keeps_the_key_and_a_time_or_an_id_does_not():
    def key(*args, **values):
        (record,) = read([row(*args, **values)])
        return record["id"]

    first = key(agent_id=AGENT, duration=5)
    assert key(score=4, agent_id=AGENT, duration=9.5, closed_by="AGENT") == first
    assert key(agent_id=AGENT.replace("e", "f"), duration=5) != first
    assert key(iso(NOON + 1), agent_id=AGENT, duration=5) != first
    assert key(agent_id=AGENT, duration=5, survey_id=1) != first


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "a", iso(NOON)]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["agent", "fields", "value", "label", "name", "id", "field", "timestamp"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(st.lists(json_values, max_size=6), st.sampled_from([analytics_row, whole_row]))
def test_a_row_of_any_other_shape_is_kept_whole_under_a_key_of_its_own(rows, make):
    found = read(rows, make)
    assert [record["fields"] for record in found] == rows
    assert len({record["id"] for record in found}) == len(rows)
    assert {record["timestamp"] for record in found} <= {rfc3339(iso(WINDOW.start))}
    # The same rows in another window, in another order and with others among them.
    later = Window(NOON, NOON + HOUR)
    again = read([*reversed(rows), "another"], make, later)
    assert {record["id"] for record in found} < {record["id"] for record in again}


TIMES = [None, 5, "", "soon", "12", "0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-09:00"]


@pytest.mark.parametrize(
    "odd",
    [
        row(csid=7) | {"recordId": "of-dixa"},
        row(csid=7) | {"fields": {"csid": 7}},
        row(csid=7) | {"fields": ["csid"]},
        row() | {"fields": [{"name": "csid", "field": {"value": value}} for value in (7, 8)]},
        row() | {"fields": [{"name": "x", "field": {"value": 8}, "unit": "s"}]},
        row() | {"primaryTimestampField": {"name": "x", "timestamp": NOW, "zone": "UTC"}},
        *map(row, TIMES),
    ],
)
def test_a_row_that_is_not_as_documented_is_kept_whole(odd):
    (record,) = read([odd])
    assert record["fields"] == odd
    assert record["recordId"] == "ratings"
    assert record["timestamp"] == rfc3339(iso(WINDOW.start))


def test_a_name_that_changes_keeps_the_key():
    def key(cells):
        (record,) = read([cells], whole_row)
        return record["id"]

    first = key({"agent": {"value": AGENT, "label": "Zoë"}})
    assert key({"agent": {"value": AGENT, "label": "Zoe"}}) == first
    assert key({"agent": {"value": AGENT}}) == first
    assert key({"agent": {"value": AGENT, "score": 1}}) != first
    assert key({"agent": {"label": "Zoë"}}) != key({"agent": {"label": "Zoe"}})


@pytest.mark.parametrize(
    ("values", "columns"),
    [
        ({"csid": 7, "queue": "q", "agent_id": AGENT}, (7, AGENT, "q")),
        ({"conversation_id": 8, "csid": 7}, (8, None, None)),
        ({"conversationId": 7, "agent": AGENT, "queueId": "q"}, (7, AGENT, "q")),
        ({"conversationId": True, "agent": {"id": AGENT}, "queue": 5}, (None, None, None)),
        ({"agent": None, "agentId": AGENT, "aiAgent": "x"}, (None, AGENT, None)),
    ],
)
def test_columns_for_joins(values, columns):
    cells = {name: {"value": value} for name, value in values.items()}
    assert tuple(join_columns(cells).values()) == columns
    assert join_columns(values | {"agent": 5, "queue": []}) == dict.fromkeys(join_columns({}))


@given(st.lists(st.lists(st.integers(1, 3), max_size=5), max_size=5))
def test_a_row_of_several_windows_comes_with_the_first_of_them(windows):
    found, most = Counter(), Counter()
    with closing(RowNumbers()) as numbers:
        for day, rows in enumerate(windows):
            window = Window(NOON + day * DAY, NOON + (day + 1) * DAY)
            records = read(rows, whole_row, window, numbers)
            most |= Counter(rows)
            found.update((record["fields"], record["id"]) for record in records)
            assert {record["timestamp"] for record in records} <= {rfc3339(iso(window.start))}
            assert Counter(row for row, _ in found.elements()) == most
    assert set(found.values()) <= {1}


def test_a_full_disk_is_an_error_that_says_what_to_do():
    with closing(RowNumbers()) as numbers:
        numbers._database.execute("PRAGMA max_page_count = 2")  # noqa: SLF001 (a small disk)
        with pytest.raises(DiskError, match=r"disk is full. Point TMPDIR"):
            read(range(3_000), whole_row, numbers=numbers)

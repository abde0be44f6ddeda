"""Rows of the Analytics and the Intelligence API: cells, keys, times."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_dixa.download.windows import Window
from tap_dixa.streams.dixa_api import as_array
from tap_dixa.streams.intelligence import time_of
from tap_dixa.streams.record_rows import RowSpool, Time, cells_of, identity, join_columns, to_json
from tap_dixa.streams.record_streams import RecordWindow
from tests.conftest import DAY, HOUR, NOON
from tests.expected import iso

AGENT = "e756afa3-77cb-424c-8210-edc93a8926bc"
WINDOW = RecordWindow(NOON, NOON + DAY, "closedConversations")


@pytest.mark.parametrize(
    "row",
    [
        {"agent": {"value": AGENT, "label": "Zoë"}, "score": {"value": 3}},
        [{"name": "agent", "value": AGENT, "label": "Zoë"}, {"name": "score", "value": 3}],
        [{"id": "agent", "value": AGENT, "label": "Zoë"}, {"id": "score", "value": 3}],
        {"fields": [{"attribute": "agent", "value": AGENT, "label": "Zoë"}], "score": 3},
        {"columns": {"agent": {"value": AGENT, "label": "Zoë"}, "score": 3}},
        {
            "fields": [
                {"name": "agent", "field": {"value": AGENT, "label": "Zoë"}},
                {"name": "score", "field": {"value": 3}},
            ]
        },
    ],
)
def test_any_shape_has_the_same_cells(row):
    assert cells_of(row) == {"agent": {"value": AGENT, "label": "Zoë"}, "score": {"value": 3}}


def leaves(value):
    if isinstance(value, dict):
        return [leaf for part in value.values() for leaf in leaves(part)]
    if isinstance(value, list):
        return [leaf for part in value for leaf in leaves(part)]
    return [value]


names = st.sampled_from(["agent", "fields", "value", "label", "name", "id", "cells", "field", "x"])
json_values = st.recursive(
    st.integers(0, 9) | st.sampled_from(["a", "b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@given(json_values.filter(lambda value: isinstance(value, dict | list)))
def test_no_value_is_lost_whatever_the_shape(row):
    # A name in a list may become the name of a cell.
    cells = cells_of(row)
    kept = [str(leaf) for leaf in leaves(cells)] + [name.split(".")[0] for name in cells]
    for leaf in leaves(row):
        kept.remove(str(leaf))


@pytest.mark.parametrize(
    ("cells", "columns"),
    [
        ({"csid": 7, "queue": "q", "agent_id": AGENT}, (7, AGENT, "q")),
        ({"conversationId": "7", "agent": {"id": AGENT, "name": "Zoë"}}, (7, AGENT, None)),
        ({"conversation": "of-a-kind", "queueId": 5, "aiAgent": AGENT}, (None, None, None)),
        ({"agent": None, "agentId": AGENT}, (None, AGENT, None)),
    ],
)
def test_columns_for_joins(cells, columns):
    assert tuple(join_columns(cells_of(cells)).values()) == columns


def record(kind, time, row):
    cells, when = cells_of(row), Time.from_milliseconds("at", time)
    content = {"recordId": kind, "timestamp": iso(time), "fields": cells}
    return to_json(content, time, identity(kind, when, cells))


def read(rows, window=WINDOW):
    spool = RowSpool(as_array(rows), window)
    found = [json.loads(text) for text in spool]
    spool.close()
    return found


rows = st.lists(
    st.tuples(
        st.sampled_from([NOON, NOON + 1, NOON + HOUR]),
        st.fixed_dictionaries({"csid": st.integers(1, 2), "score": st.integers(1, 2)}),
    ),
    max_size=12,
)


@given(rows, st.randoms())
def test_the_keys_do_not_depend_on_the_order_of_rows(drawn, random):
    written = [record("ratings", *row) for row in drawn]
    found = read(written)
    random.shuffle(written)
    assert read(written) == found
    assert len({row["id"] for row in found}) == len(found) == len(drawn)
    assert [row["timestamp"] for row in found] == sorted(iso(time) for time, _ in drawn)
    # Nor on what a window has beside them.
    first = Window(NOON, NOON + 1)
    assert read(written, first) == [row for row in found if row["timestamp"] == iso(NOON)]


def test_a_measure_that_changes_keeps_the_key_and_a_time_or_an_id_does_not():
    def key(time, **row):
        (found,) = read([record("presence", time, row)])
        return found["id"]

    first = key(NOON, agent=AGENT, duration=5)
    assert key(NOON, agent=AGENT, duration=9, endedAt=iso(NOON)) == first
    assert key(NOON, agent=AGENT.replace("e", "f"), duration=5) != first
    assert key(NOON + 1, agent=AGENT, duration=5) != first
    assert key(NOON, agent=AGENT, duration=5, surveyId=1) != first


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"createdAt": iso(NOON + 1), "closedAt": iso(NOON + 2)}, "closedAt"),
        ({"createdAt": iso(NOON + 1), "ratedAt": iso(NOON - DAY)}, "createdAt"),
        ({"createdAt": iso(NOON - 1), "answered": iso(NOON + 2)}, "answered"),
        ({"start": iso(NOON - DAY), "end": iso(NOON + 1)}, "start"),
        ({"interval": {"from": iso(NOON - DAY), "to": iso(NOON + 1)}}, "from"),
        ({"endedAt": iso(NOON + 1), "updated": iso(NOON + 2)}, "updated"),
        ({"endedAt": iso(NOON + 1)}, "endedAt"),
        ({"startedAt": NOON + 5, "duration": NOON}, "startedAt"),
        ({"primaryTimestampField": {"name": "at", "timestamp": iso(NOON)}, "start": "x"}, "at"),
        ({"duration": NOON, "text": "2026-03-11", "closedAt": "soon"}, None),
    ],
)
def test_which_time_a_row_is_ordered_by(row, name):
    time = time_of(cells_of(row), WINDOW)
    assert (time and time.name) == name

"""The SQL of docs/queries.md: on a small desk by hand, and on a warehouse that a loader filled."""

from contextlib import closing
from decimal import Decimal

import duckdb
import psycopg
import pytest

from tests import pages

QUERIES = pages.blocks("queries.md", "sql")
DESK = """
create schema dixa;
create table dixa.conversations as
  select
    id, status, queue_name, assignee_id, created_at::timestamp as created_at,
    updated_at::timestamp as updated_at, closed_at::timestamp as closed_at
  from (values
    (1, 'closed', 'Help', 'a1', '2026-03-09 08:00', '2026-03-09 12:00', '2026-03-09 12:00'),
    (2, 'open', 'Help', null, '2026-03-09 09:00', '2026-03-11 12:00', null),
    (3, 'closed', 'Sales', 'gone', '2026-03-10 10:00', '2026-03-10 11:00', '2026-03-10 10:10'),
    (4, 'closed', null, 'a1', '2026-03-02 10:00', '2026-03-02 11:00', '2026-03-02 11:00'),
    (5, 'open', 'Help', 'a2', '2026-03-11 06:00', '2026-03-11 07:00', null)
  ) t(id, status, queue_name, assignee_id, created_at, updated_at, closed_at);
create table dixa.messages as
  select created_at::timestamp as created_at, direction, is_automated_message
  from (values
    ('2026-03-02 10:00', 'outbound', false),
    ('2026-03-09 08:00', 'inbound', false),
    ('2026-03-09 08:01', 'outbound', true),
    ('2026-03-09 08:30', 'outbound', null),
    ('2026-03-09 09:00', 'outbound', false),
    ('2026-03-09 09:00', 'inbound', false),
    ('2026-03-09 11:00', 'outbound', false),
    ('2026-03-10 10:00', 'inbound', false),
    ('2026-03-11 06:00', 'inbound', false)
  ) t(created_at, direction, is_automated_message);
"""
"""Five conversations: closed; open and nobody's; closed by somebody who was deleted since; one of a
week before; and one that is open."""
ANSWERS = {
    "When is the desk busy?": [
        (1, 8, 1, 1, 1),
        (1, 9, 1, 1, 0),
        (1, 10, 0, 1, 0),
        (1, 11, 0, 1, 0),
        (2, 10, 1, 0, 0),
        (3, 6, 1, 0, 0),
    ],
    "What is open, and how old is it?": [("Help", 2, 1, 28.5, 51.0)],
}


def plain(value):
    """Give a decimal as a float, and a date as a text."""
    if isinstance(value, Decimal):
        return float(value)
    return value if isinstance(value, int | str | None) else str(value)


@pytest.fixture(scope="module")
def desk():
    with duckdb.connect() as tables:
        tables.execute(DESK)
        yield tables


@pytest.mark.parametrize("heading", QUERIES)
def test_a_query_answers_its_question(desk, heading):
    rows = desk.execute(QUERIES[heading]).fetchall()
    assert [tuple(map(plain, row)) for row in rows] == ANSWERS[heading]


def test_postgres_answers_alike(postgres):
    with closing(psycopg.connect(postgres)) as tables:
        tables.execute(DESK)
        for heading, query in QUERIES.items():
            rows = tables.execute(query).fetchall()
            assert [tuple(map(plain, row)) for row in rows] == ANSWERS[heading], heading

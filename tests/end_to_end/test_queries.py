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
create table dixa.agents as
  select * from (values ('a1', 'Ann'), ('a2', 'Bob'), ('a3', 'Cem')) t(id, "displayName");
create table dixa.teams as select * from (values ('t1', 'Day'), ('t2', 'Night')) t(id, name);
create table dixa.team_members as
  select * from (values ('t1', 'a1'), ('t2', 'a1'), ('t1', 'a2')) t("teamId", id);
create table dixa.custom_attributes as
  select id, label, type::json as "inputDefinition"
  from (values ('f1', 'Reason', '{"_type": "Select"}'), ('f2', 'Order', '{"_type": "Text"}'))
    t(id, label, type);
create table dixa.conversations as
  select
    id, initial_channel, direction, status, queue_name, assignee_id, assignee_name,
    created_at::timestamp as created_at, created_at::timestamp as queued_at,
    updated_at::timestamp as updated_at, closed_at::timestamp as closed_at,
    handling_duration, ratings::json as ratings, custom_fields::json as custom_fields
  from (values
    (1, 'email', 'inbound', 'closed', 'Help', 'a1', 'Ann', '2026-03-09 08:00', '2026-03-09 12:00',
     '2026-03-09 12:00', 5400000, '[{"rating_type": "csat", "rating_status": "rated",
       "rating_score": 5}, {"rating_type": "nps", "rating_status": "rated", "rating_score": 9}]',
     '[{"attribute_id": "f1", "value": ["Parcel", "Late"]},
       {"attribute_id": "f2", "value": ["77"]}]'),
    (2, 'email', 'inbound', 'open', 'Help', null, null, '2026-03-09 09:00', '2026-03-11 12:00',
     null, null, '[{"rating_type": "CSAT", "rating_status": "Rated", "rating_score": 2}]',
     '[{"attribute_id": "f1", "value": ["Parcel"]}]'),
    (3, 'pstnphone', 'inbound', 'closed', 'Sales', 'gone', 'Zoe', '2026-03-10 10:00',
     '2026-03-10 11:00', '2026-03-10 10:10', 600000,
     '[{"rating_type": "csat", "rating_status": "offered", "rating_score": null}]',
     '[{"attribute_id": "f1", "value": ["Parcel", "Late"]}]'),
    (4, 'widgetchat', 'outbound', 'closed', null, 'a1', 'Ann', '2026-03-02 10:00',
     '2026-03-02 11:00', '2026-03-02 11:00', 1800000, '[]', '[]'),
    (5, 'email', 'inbound', 'open', 'Help', 'a2', 'Bob', '2026-03-11 06:00', '2026-03-11 07:00',
     null, null, '[{"rating_type": "csat", "rating_status": "unavailable",
       "rating_score": null}]', '[]')
  ) t(id, initial_channel, direction, status, queue_name, assignee_id, assignee_name, created_at,
      updated_at, closed_at, handling_duration, ratings, custom_fields);
create table dixa.messages as
  select csid, created_at::timestamp as created_at, direction, is_automated_message
  from (values
    (4, '2026-03-02 10:00', 'outbound', false),
    (1, '2026-03-09 08:00', 'inbound', false),
    (1, '2026-03-09 08:01', 'outbound', true),
    (1, '2026-03-09 08:30', 'outbound', null),
    (1, '2026-03-09 09:00', 'outbound', false),
    (2, '2026-03-09 09:00', 'inbound', false),
    (2, '2026-03-09 11:00', 'outbound', false),
    (3, '2026-03-10 10:00', 'inbound', false),
    (5, '2026-03-11 06:00', 'inbound', false)
  ) t(csid, created_at, direction, is_automated_message);
create table dixa.activity_logs as
  select "conversationId", "activityTimestamp"::timestamp as "activityTimestamp", _type,
    author::json as author
  from (values
    (4, '2026-03-02 10:00', 'ConversationCreated', null),
    (4, '2026-03-02 11:00', 'ConversationClosed', '{"id": "a1"}'),
    (1, '2026-03-09 08:02', 'ConversationAssigned', '{"id": "a1"}'),
    (1, '2026-03-09 08:20', 'ConversationClaimed', '{"id": "a2"}'),
    (1, '2026-03-09 12:00', 'ConversationClosed', 'null'),
    (2, '2026-03-09 10:00', 'ConversationReopened', null),
    (2, '2026-03-09 10:30', 'TransferSuccessful', '{"id": "a1"}'),
    (3, '2026-03-10 10:00:30', 'ConversationClaimed', '{"id": "gone"}')
  ) t("conversationId", "activityTimestamp", _type, author);
"""
"""Five conversations: answered and rated; open and nobody's; a call that somebody took who was
deleted since; one that an agent started a week before; and one that nobody has answered yet."""
ANSWERS = {
    "How many conversations begin, by day and channel?": [
        ("2026-03-11", "email", 1, 0),
        ("2026-03-10", "pstnphone", 1, 0),
        ("2026-03-09", "email", 2, 0),
        ("2026-03-02", "widgetchat", 1, 1),
    ],
    "When is the desk busy?": [
        (1, 8, 1, 1, 1),
        (1, 9, 1, 1, 0),
        (1, 10, 0, 1, 0),
        (1, 11, 0, 1, 0),
        (2, 10, 1, 0, 0),
        (3, 6, 1, 0, 0),
    ],
    "What is open, and how old is it?": [("Help", 2, 1, 28.5, 51.0)],
    "How long do agents work on a conversation?": [
        ("Ann", 2, 2.0, 60.0, 84.0),
        ("Zoe", 1, 0.2, 10.0, 10.0),
    ],
    "How many conversations are closed, reopened and transferred?": [
        ("2026-03-09", 1, 1, 1, 1),
        ("2026-03-02", 1, 0, 0, 0),
    ],
    "What is the workload of each agent, by team?": [
        ("Day", "Bob", 1, 0),
        ("Day", "Ann", 0, 1),
        ("Night", "Ann", 0, 1),
        (None, "Cem", 0, 0),
    ],
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


def test_postgres_answers_alike(postgres, evidence):
    with closing(psycopg.connect(postgres)) as tables:
        tables.execute(DESK.replace("::json", "::jsonb"))
        for heading, query in QUERIES.items():
            rows = tables.execute(pages.in_postgres(query)).fetchall()
            assert [tuple(map(plain, row)) for row in rows] == ANSWERS[heading], heading
    evidence("queries of the documents run in PostgreSQL", len(QUERIES))


@pytest.mark.slow
@pytest.mark.xdist_group("duckdb")
def test_there_are_six_and_each_says_something(warehouse, evidence):
    assert len(QUERIES) == 6
    with duckdb.connect(str(warehouse.path), read_only=True) as tables:
        for heading, query in QUERIES.items():
            rows = tables.execute(query).fetchall()
            assert rows, heading
            assert all(
                any(value is not None for value in column) for column in zip(*rows, strict=True)
            ), heading
    evidence("queries of the documents run in DuckDB", len(QUERIES))

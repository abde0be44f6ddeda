"""Queries for records of the Analytics and the Intelligence API."""

from __future__ import annotations

from collections import Counter

import pytest

from tap_dixa_sandbox import presence
from tests.conftest import DAY, HOUR, NOON
from tests.end_to_end.queried import (
    ANALYTICS,
    INTELLIGENCE,
    analytics,
    analytics_body,
    intelligence,
    intelligence_body,
    post,
)
from tests.expected import iso, source

RECORDS = "/v1/analytics/records"
PRESENCE = "/beta/intelligence/agents/records/agentPresenceDuration"


def test_the_catalogues_name_what_can_be_queried(connect):
    api = connect()
    kinds = api.data(RECORDS)
    assert [kind["id"] for kind in kinds] == [*ANALYTICS]
    metrics = {metric["id"] for metric in api.data("/v1/analytics/metrics")}
    assert {metric for kind in kinds for metric in kind["relatedMetricIds"]} == metrics
    for filtered in kinds[0]["filters"]:
        assert api.data(f"/v1/analytics/filter/{filtered['filterAttribute']}")
    assert api.get("/v1/analytics/filter/mood").status_code == 404
    found = api.everything("/beta/intelligence/records", pageLimit=3)
    assert {kind["id"]: kind["category"] for kind in found} == INTELLIGENCE
    agents = api.everything("/beta/intelligence/records", pageLimit=1, category="conversations")
    assert [kind["id"] for kind in agents] == ["closedConversations", "responseTime"]
    assert api.get("/beta/intelligence/records", category="x").status_code == 400
    assert api.get("/v1/intelligence/records").status_code == 404


def test_rows_agree_with_the_exports_and_fields_with_the_catalogue(connect):
    api = connect(late=HOUR)
    known = {kind["id"]: kind["fieldsMetadata"] for kind in api.data(RECORDS)}
    conversations = source(api.sandbox.data, "conversations").values()
    closed = sorted(c["id"] for c in conversations if c.get("closed_at"))
    for kind in ANALYTICS:
        rows = list(analytics(api.sandbox, kind))
        assert rows
        assert list(analytics(api.sandbox, kind)) == rows
        for row in rows:
            names = {field["name"] for field in row["fields"]}
            assert names <= {field["field"] for field in known[kind]}
            assert names >= {field["field"] for field in known[kind] if not field["nullable"]}
        if kind == "closed_conversations":
            values = [{f["name"]: f["field"].get("value") for f in r["fields"]} for r in rows]
            assert sorted(one["conversation_id"] for one in values) == closed
    cells = intelligence(api.sandbox, "closedConversations")
    assert sorted(row["conversationId"]["value"] for row in cells) == closed


def test_presence_fits_the_agents_and_itself(connect):
    api = connect()
    agents = {agent["id"] for agent in api.data("/v1/agents")}
    rows = list(intelligence(api.sandbox, "agentPresenceDuration"))
    assert {row["agent"]["value"] for row in rows} == agents
    begun = Counter((row["agent"]["value"], row["startedAt"]["value"]) for row in rows)
    assert set(begun.values()) == {1}
    unfinished = [row for row in rows if "endedAt" not in row]
    assert 0 < len(unfinished) < len(agents)
    desk, start = api.sandbox.data.desk, api.sandbox.data.start
    whole = {one for one in presence.intervals(desk, start, NOON) if one.start >= start}
    assert len(rows) == len(whole)
    # Whatever the interval that is asked for, the same days have the same intervals.
    later = {one for one in presence.intervals(desk, NOON - DAY, NOON) if one.start >= NOON - DAY}
    assert later == {one for one in whole if one.start >= NOON - DAY}


def test_a_period_has_the_intervals_that_start_in_it_and_labels_are_optional(connect):
    api = connect()
    start, end = NOON - DAY, NOON - DAY + 3 * HOUR
    body = intelligence_body(start, end, pageLimit=1000)
    rows = post(api.sandbox, PRESENCE, body).json()["data"]
    found = presence.intervals(api.sandbox.data.desk, start, end)
    lasted = Counter(one.end - one.start for one in found if one.start >= start)
    assert Counter(row["duration"]["value"] for row in rows) == lasted
    assert lasted
    assert "label" in str(rows)
    bare = post(api.sandbox, PRESENCE, {**body, "includeLabels": False}).json()["data"]
    assert "label" not in str(bare)
    assert bare[0].keys() == rows[0].keys()


def test_pages_lead_to_all_rows(connect):
    api = connect(conversations=700, days=20)
    body = analytics_body("closed_conversations", NOON - 20 * DAY, NOON)
    page = post(api.sandbox, RECORDS, body).json()
    assert len(page["data"]) == 100
    assert page["meta"]["next"].startswith(f"{RECORDS}?")
    api.sandbox.behaviour.analytics_page_keys = True
    page = post(api.sandbox, RECORDS, body, pageLimit=300).json()
    assert len(page["data"]) == 300
    assert "meta" not in page
    rest = post(api.sandbox, RECORDS, body, pageLimit=300, pageKey=page["pageKey"]).json()
    assert rest["data"][0] not in page["data"]
    body = intelligence_body(NOON - 5 * DAY, NOON)
    page = post(api.sandbox, PRESENCE, body).json()
    assert len(page["data"]) == 50
    more = intelligence_body(NOON - 5 * DAY, NOON, pageKey=page["meta"]["next"])
    assert len(post(api.sandbox, PRESENCE, more).json()["data"]) == 50


ANALYTICS_BODY = analytics_body("ratings", NOON - DAY, NOON)
INTELLIGENCE_BODY = intelligence_body(NOON - DAY, NOON)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (RECORDS, {**ANALYTICS_BODY, "id": "moods"}, 400),
        (RECORDS, {**ANALYTICS_BODY, "timezone": "Mars/Base"}, 400),
        (RECORDS, {"id": "ratings", "timezone": "UTC"}, 400),
        (RECORDS, analytics_body("ratings", NOON, NOON - DAY), 400),
        (f"{RECORDS}?pageLimit=301", ANALYTICS_BODY, 400),
        (f"{RECORDS}?pageKey=x", ANALYTICS_BODY, 400),
        (PRESENCE, {**INTELLIGENCE_BODY, "timezone": ""}, 400),
        (PRESENCE, intelligence_body(NOON - DAY, NOON, pageLimit=1001), 400),
        (PRESENCE, intelligence_body(NOON - DAY, NOON, pageKey="x"), 400),
        (PRESENCE, {"timezone": "UTC"}, 400),
        (PRESENCE.replace("agents", "aiagents"), INTELLIGENCE_BODY, 404),
        (PRESENCE.replace("/beta", "/v1"), INTELLIGENCE_BODY, 404),
    ],
)
def test_what_dixa_refuses(connect, path, body, status):
    assert post(connect().sandbox, path, body).status_code == status


def test_filters_can_be_required(connect):
    sandbox = connect(analytics_filters=True).sandbox
    assert post(sandbox, RECORDS, ANALYTICS_BODY).status_code == 400
    filters = [{"attribute": "initial_direction", "values": ["INBOUND", "OUTBOUND"]}]
    response = post(sandbox, RECORDS, {**ANALYTICS_BODY, "filters": filters})
    assert response.status_code == 200
    assert iso(NOON - DAY) in sandbox.answered[-1][1]["body"]

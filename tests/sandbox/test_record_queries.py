"""Queries for records of the Analytics and the Intelligence API."""

from __future__ import annotations

import pytest

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
from tests.expected import source

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


def test_pages_lead_to_all_rows(connect):
    api = connect(conversations=700, days=20)
    body = analytics_body("closed_conversations", NOON - 20 * DAY, NOON)
    page = post(api.sandbox, RECORDS, body).json()
    assert len(page["data"]) == 100
    assert page["meta"]["next"].startswith(f"{RECORDS}?")
    rest = post(api.sandbox, page["meta"]["next"], body).json()
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

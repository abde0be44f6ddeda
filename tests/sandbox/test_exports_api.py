from __future__ import annotations

import pytest
import requests

from tap_dixa_sandbox.filters import Bounds
from tests import expected
from tests.conftest import DAY, NOON
from tests.events import HANG

CONVERSATIONS, MESSAGES = "/v1/conversation_export", "/v1/message_export"


@pytest.fixture
def get(serve):
    sandbox = serve()

    def get(path, headers=None, **query):
        headers = {"Authorization": f"Bearer {sandbox.behaviour.token}", **(headers or {})}
        return requests.get(sandbox.url + path, query, headers=headers, timeout=HANG)

    get.sandbox = sandbox
    return get


def span(field, start, end):
    return {f"{field}_after": start, f"{field}_before": end}


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer other", "sandbox-token", "Basic x"]
)
def test_no_other_way_in(get, authorization):
    response = get(CONVERSATIONS, {"Authorization": authorization}, **span("updated", 0, 1))
    assert response.status_code == 401
    assert response.json()["message"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (CONVERSATIONS, {}),
        (CONVERSATIONS, {"updated_after": 1}),
        (CONVERSATIONS, {"closed_before": 1}),
        (CONVERSATIONS, {"updated_after": 1, "created_before": 2}),
        (CONVERSATIONS, span("updated", 0, 31 * DAY + 1)),
        (CONVERSATIONS, span("updated", 2, 1)),
        (CONVERSATIONS, span("updated", "soon", 1)),
        (CONVERSATIONS, span("updated", "2025-02-30", "2025-03-01")),
        (CONVERSATIONS, {"csids": "1,x"}),
        (MESSAGES, span("updated", 0, 1)),
        (MESSAGES, span("created", 0, 32 * DAY)),
    ],
)
def test_queries_that_dixa_refuses(get, path, query):
    response = get(path, **query)
    assert response.status_code == 400
    assert response.json()["message"]


@pytest.mark.parametrize("field", ["created", "updated", "closed", "last_message_created"])
def test_every_pair_filters_on_its_own_time(get, field):
    found = get(CONVERSATIONS, **span(field, NOON - 20 * DAY, NOON - 10 * DAY)).json()
    assert found
    assert {NOON - 20 * DAY <= record[f"{field}_at"] <= NOON - 10 * DAY for record in found} == {
        True
    }
    everything = expected.source(get.sandbox.data, "conversations").values()
    wanted = [
        r for r in everything if NOON - 20 * DAY <= (r.get(f"{field}_at") or 0) <= NOON - 10 * DAY
    ]
    assert {record["id"] for record in found} == {record["id"] for record in wanted}


def test_days_are_midnights_in_utc(get):
    by_day = get(MESSAGES, **span("created", "2026-03-01", "2026-03-03")).json()
    midnight = expected.milliseconds("2026-03-01T00:00:00.000Z")
    by_time = get(MESSAGES, **span("created", midnight, midnight + 2 * DAY)).json()
    assert by_day == by_time != []


def test_conversations_by_id(get):
    ids = [
        record["id"] for record in get(CONVERSATIONS, **span("created", NOON - DAY, NOON)).json()
    ]
    found = get(CONVERSATIONS, csids=",".join(map(str, ids[:3]))).json()
    assert sorted(record["id"] for record in found) == sorted(ids[:3])


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("before", [True, False])
def test_bounds_are_as_set(serve, after, before):
    sandbox = serve(bounds=Bounds(after, before))
    times = sorted(r["updated_at"] for r in expected.source(sandbox.data, "conversations").values())
    start, end = times[10], times[50]
    response = requests.get(
        sandbox.url + CONVERSATIONS,
        span("updated", start, end),
        auth=("bearer", sandbox.behaviour.token),
        timeout=HANG,
    )
    found = {record["updated_at"] for record in response.json()}
    assert (start in found, end in found) == (after, before)
    assert times[11] in found


def test_the_rate_limit_covers_both_exports(serve):
    sandbox = serve(requests_per_minute=3)
    auth = ("bearer", sandbox.behaviour.token)
    responses = [
        requests.get(sandbox.url + path, span("created", 0, 1), auth=auth, timeout=HANG)
        for path in (CONVERSATIONS, MESSAGES, MESSAGES, CONVERSATIONS, MESSAGES)
    ]
    assert [response.status_code for response in responses] == [200, 200, 200, 429, 429]
    assert "Retry-After" not in responses[-1].headers


def test_responses_are_chunked_and_compressed_on_request(get):
    query = span("created", NOON - 31 * DAY, NOON)
    plain = get(MESSAGES, {"Accept-Encoding": "identity"}, **query)
    packed = get(MESSAGES, {"Accept-Encoding": "gzip"}, **query)
    for response in (plain, packed):
        assert response.headers["Transfer-Encoding"] == "chunked"
        assert "Content-Length" not in response.headers
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert plain.json() == packed.json()

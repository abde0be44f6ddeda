"""What a sandbox refuses, as Dixa does, and what it does not."""

import base64
import json
from uuid import UUID

import pytest

from tests.conftest import DAY
from tests.end_to_end.everything import LOG
from tests.faulty_sandbox import EXPORTS

CONVERSATIONS, MESSAGES = EXPORTS
BY_ID = (
    *(f"/v1/conversations/{{}}/{rows}" for rows in ("notes", "ratings", "activitylog")),
    "/v1/teams/{}/agents",
    "/v1/queues/{}/members",
    "/v1/business-hours/schedules/{}/definition",
    "/v1/knowledge/collections/{}/catalog",
    "/v1/knowledge/categories/{}",
    "/v1/knowledge/articles/{}",
)
UNKNOWN = UUID(int=1, version=4)

pytestmark = pytest.mark.xdist_group("refusals")


@pytest.fixture(scope="module")
def api(shared):
    return shared()


@pytest.mark.parametrize("path", ["/v1/tags", CONVERSATIONS])
@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer other", "Basic x"])
def test_any_other_token(api, path, authorization):
    response = api.get(path, headers={"Authorization": authorization})
    assert response.status_code == 401
    assert response.json()["message"]


def key(**content):
    return base64.b64encode(json.dumps(content).encode()).decode()


@pytest.mark.parametrize(
    "query",
    [
        CONVERSATIONS,
        f"{CONVERSATIONS}?updated_after=1",
        f"{CONVERSATIONS}?updated_after=0&updated_before={31 * DAY + 1}",
        f"{CONVERSATIONS}?updated_after=2&updated_before=1",
        f"{CONVERSATIONS}?updated_after=soon&updated_before=1",
        f"{CONVERSATIONS}?updated_after=2025-02-30&updated_before=2025-03-01",
        f"{CONVERSATIONS}?csids=1,x",
        f"{MESSAGES}?updated_after=0&updated_before=1",
        *(f"{LOG}?fromDatetime={time}" for time in ("", "2026-03-01", "2026-03-01T00:00:00.000Z")),
        f"{LOG}?toDatetime=2026-02-30T00:00:00Z",
        f"{LOG}?fromDatetime=2026-03-01T00:00:01Z&toDatetime=2026-03-01T00:00:00Z",
        f"{LOG}?pageLimit=10001",
        *(f"/v1/agents?pageLimit={limit}" for limit in ("0", "-1", "ten", "", "1001", "²")),
        *(f"/v1/agents?pageKey={text}" for text in ("", "x", "!!!!", "ÿ", key())),
        f"/v1/agents?pageKey={key(path='/v1/agents', place='1')}",
        f"/v1/agents?pageKey={key(path='/v1/endusers', place=1)}",
        "/v1/tags?includeDeactivated=1",
        "/v1/conversations/flows?channel=Fax",
        *(path.format("x") for path in BY_ID),
    ],
)
def test_a_request_that_is_not_as_documented(api, query):
    response = api.get(query)
    assert response.status_code == 400
    assert response.json()["message"]


@pytest.mark.parametrize(
    "path",
    [
        *(path.format(1 if "/conversations/" in path else UNKNOWN) for path in BY_ID),
        "/v1/nothing",
        "/v1/analytics/filter/mood",
        "/v1/intelligence/records",
        "/beta/conversation_export",
    ],
)
def test_what_is_not_there(api, path):
    assert api.get(path).status_code == 404


def test_more_than_ten_exports_a_minute(shared):
    api = shared(requests_per_minute=3)
    responses = [api.get(MESSAGES, created_after=0, created_before=1) for _ in range(4)]
    assert [response.status_code for response in responses] == [200, 200, 200, 429]
    assert "Retry-After" not in responses[-1].headers

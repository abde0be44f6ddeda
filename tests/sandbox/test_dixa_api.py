from __future__ import annotations

import re
from uuid import UUID

import pytest
import requests

from tests.events import HANG, wait_until

LISTS = (
    "/v1/agents",
    "/v1/endusers",
    "/v1/teams",
    "/v1/queues",
    "/v1/tags",
    "/v1/contact-endpoints",
    "/v1/custom-attributes",
    "/v1/business-hours/schedules",
    "/v1/organization",
    "/v1/ai-agents",
    "/v1/conversations/flows",
    "/v1/templates",
    "/v1/knowledge/collections",
    "/v1/conversations/activitylog",
)


def test_every_list_is_there_and_the_same_twice(connect):
    api, other = connect(), connect()
    for path in LISTS:
        assert api.data(path) == api.data(path) == other.data(path)
        assert api.data(path)
    different = connect(seed=2)
    same = [path for path in LISTS if different.data(path) == api.data(path)]
    assert same == ["/v1/contact-endpoints"]


def test_both_ways_to_authenticate(connect):
    sandbox = connect().sandbox
    token = sandbox.behaviour.token
    for authorization in (token, f"Bearer {token}", f"bearer {token}"):
        headers = {"Authorization": authorization}
        response = requests.get(f"{sandbox.url}/v1/tags", headers=headers, timeout=HANG)
        assert response.status_code == 200


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer other", "other", "Basic x"])
def test_no_other_way_in(connect, authorization):
    sandbox = connect().sandbox
    headers = {"Authorization": authorization}
    response = requests.get(f"{sandbox.url}/v1/tags", headers=headers, timeout=HANG)
    assert response.status_code == 401
    assert response.json()["message"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/teams/1/agents", 400),
        ("/v1/queues/{unhyphenated}/members", 400),
        ("/v1/teams/{unknown}/agents", 404),
        ("/v1/queues/{unknown}/members", 404),
        ("/v1/conversations/x/notes", 400),
        ("/v1/conversations/-1/notes", 400),
        ("/v1/conversations/1/notes", 404),
        ("/v1/conversations/99999999999/notes", 404),
        ("/v1/tags?includeDeactivated=1", 400),
        ("/v1/nothing", 404),
    ],
)
def test_what_dixa_refuses_or_does_not_have(connect, path, status):
    unknown = UUID(int=1, version=4)
    response = connect().get(path.format(unknown=unknown, unhyphenated=unknown.hex))
    assert response.status_code == status


def test_four_come_at_once_and_another_when_the_bucket_has_filled(connect):
    api = connect(requests_per_second=0.001, burst=4)
    responses = [api.get(path) for path in ("/v1/tags", "/v1/teams") * 3]
    assert [response.status_code for response in responses] == [200] * 4 + [429] * 2
    assert "Retry-After" not in responses[-1].headers
    api.sandbox.behaviour.requests_per_second = 1000
    wait_until(lambda: api.get("/v1/tags").status_code == 200)


def test_times_are_written_as_dixa_does(connect):
    api = connect(conversations=200)
    times = [row["activityTimestamp"] for row in api.everything(LISTS[-1], pageLimit=10_000)]
    times += [row["createdAt"] for row in api.data("/v1/custom-attributes")]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}(\.\d{1,3})?Z\[GMT\]", m) for m in times)
    assert {len(time) for time in times} >= {27, 28, 29}
    for row in api.data("/v1/agents"):
        assert re.fullmatch(r"201[67]-\d\d-\d\dT[\d:]{8}Z", row["createdAt"])


def test_the_dixa_api_is_the_same_in_both_versions(connect):
    api = connect()
    for path in LISTS:
        assert api.data(path.replace("/v1", "/beta")) == api.data(path)
    assert api.get("/beta/conversation_export").status_code == 404


@pytest.mark.parametrize("path", ["agents", "endusers", "conversations/activitylog"])
@pytest.mark.parametrize("version", ["v1", "beta"])
def test_links_stay_in_the_version_that_was_requested(connect, path, version):
    api = connect(conversations=100)
    link = api.get(f"/{version}/{path}", pageLimit=20).json()["meta"]["next"]
    assert link.removeprefix(api.sandbox.url).startswith(f"/{version}/{path}?")
    found = api.everything(f"/{version}/{path}", pageLimit=20)
    assert found == api.everything(f"/v1/{path}", pageLimit=1000)


def test_responses_have_the_date_of_the_data(connect):
    assert connect().get("/v1/agents").headers["Date"] == "Wed, 11 Mar 2026 12:00:00 GMT"

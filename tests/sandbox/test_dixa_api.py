from __future__ import annotations

import re

import pytest

from tests.conftest import HOUR

LOG = "/v1/conversations/activitylog"
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
    LOG,
)
PAGED = ("/v1/agents", "/v1/endusers", LOG)


def test_every_list_is_the_same_in_both_versions_and_for_the_same_seed(connect):
    api, other, different = connect(), connect(), connect(seed=2)
    for path in LISTS:
        rows = api.data(path)
        assert rows == other.data(path) == api.data(path.replace("/v1", "/beta"))
        assert rows
        assert (rows == different.data(path)) == (path == "/v1/contact-endpoints")


def test_times_are_written_as_dixa_does(connect):
    api = connect(conversations=200)
    times = [row["activityTimestamp"] for row in api.everything(LOG, pageLimit=10_000)]
    times += [row["createdAt"] for row in api.data("/v1/custom-attributes")]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}(\.\d{1,3})?Z\[GMT\]", m) for m in times)
    assert {len(time) for time in times} >= {27, 28, 29}


def test_responses_have_the_date_of_the_data(connect):
    assert connect().get("/v1/agents").headers["Date"] == "Wed, 11 Mar 2026 12:00:00 GMT"


@pytest.mark.parametrize("size", [1, 12, 25])
@pytest.mark.parametrize("path", PAGED)
def test_pages_of_any_size_have_every_row_once(connect, path, size):
    api = connect(conversations=24, days=10)
    whole = [*api.by_id(path, pageLimit=1000).values()]
    pages = api.pages(path, pageLimit=size)
    assert [row for page in pages for row in page] == whole != []
    assert {len(page) for page in pages[:-1]} <= {size}
    assert 1 <= len(pages[-1]) <= size


def test_lists_end_and_link_in_different_ways(connect):
    api = connect()
    agents, end_users, log = (api.get(path, pageLimit=20).json()["meta"]["next"] for path in PAGED)
    assert agents.startswith("/v1/agents?pageLimit=20&pageKey=")
    assert end_users.startswith(f"{api.sandbox.url}/v1/endusers?pageLimit=20&pageKey=")
    assert log.startswith("/v1/conversations/activitylog?pageLimit=20&pageKey=")
    assert api.get("/beta/agents", pageLimit=9).json()["meta"]["next"].startswith("/beta/agents?")
    whole = [api.get(path, pageLimit=1000).json() for path in PAGED]
    assert [response.get("meta") for response in whole[:2]] == [None, {}]


def test_pages_do_not_shift_when_a_row_goes(connect):
    api = connect()
    agents = api.everything("/v1/agents")
    first = api.get("/v1/agents", pageLimit=10).json()
    api.sandbox.data.directory.remove(agents[3]["id"])
    api.sandbox.data.directory.remove(agents[10]["id"])
    assert api.data(first["meta"]["next"]) == agents[11:21]


def test_the_log_is_paged_as_it_was_when_its_first_page_was_requested(connect):
    api = connect(late=6 * HOUR)
    before = api.everything(LOG)
    first = api.get(LOG).json()
    api.sandbox.data.now.now += 6 * HOUR
    # What has been found is forgotten and found again.
    for hour in range(10):
        api.get(LOG, fromDatetime=f"2026-03-01T{hour:02d}:00:00Z")
    assert first["data"] + api.everything(first["meta"]["next"]) == before
    assert len(api.everything(LOG)) > len(before)

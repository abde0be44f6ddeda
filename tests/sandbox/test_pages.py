from __future__ import annotations

import base64
import json

import pytest

from tests.conftest import HOUR

LISTS = ("/v1/agents", "/v1/endusers", "/v1/conversations/activitylog")


@pytest.mark.parametrize("size", [1, 7, 12, 25])
@pytest.mark.parametrize("path", LISTS)
def test_pages_of_any_size_bring_everything_once(connect, path, size):
    api = connect(conversations=24, days=10)
    whole = api.everything(path, pageLimit=1000)
    pages = api.pages(path, pageLimit=size)
    assert [row for page in pages for row in page] == whole != []
    assert len({row["id"] for row in whole}) == len(whole)
    assert {len(page) for page in pages[:-1]} <= {size}
    assert 1 <= len(pages[-1]) <= size


def test_lists_end_and_link_in_different_ways(connect):
    api = connect()
    agents, end_users, log = (api.get(path, pageLimit=20).json()["meta"]["next"] for path in LISTS)
    assert agents.startswith("/v1/agents?pageLimit=20&pageKey=")
    assert end_users.startswith(f"{api.sandbox.url}/v1/endusers?pageLimit=20&pageKey=")
    assert log.startswith("/v1/conversations/activitylog?pageLimit=20&pageKey=")
    assert "meta" not in api.get(agents).json()
    whole = [api.get(path, pageLimit=1000).json() for path in LISTS]
    assert [response.get("meta") for response in whole[:2]] == [None, {}]


def test_pages_do_not_shift_when_a_row_goes(connect):
    api = connect()
    agents = api.everything("/v1/agents")
    first = api.get("/v1/agents", pageLimit=10).json()
    api.sandbox.data.directory.remove(agents[3]["id"])
    api.sandbox.data.directory.remove(agents[10]["id"])
    assert api.data(first["meta"]["next"]) == agents[11:21]


def test_the_log_is_paged_as_it_was_when_its_first_page_was_asked_for(connect):
    api = connect(late=6 * HOUR)
    path = LISTS[2]
    before = api.everything(path)
    first = api.get(path).json()
    api.sandbox.data.now.now += 6 * HOUR
    # What has been found is forgotten and found again.
    for hour in range(10):
        api.get(path, fromDatetime=f"2026-03-01T{hour:02d}:00:00Z")
    again, link = first["data"], first["meta"]["next"]
    while link:
        page = api.get(link).json()
        again, link = again + page["data"], page["meta"].get("next")
    assert again == before
    assert len(api.everything(path)) > len(before)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", ["0", "-1", "ten", "", "1.5", "10001", "²"])
def test_sizes_that_dixa_refuses(connect, path, limit):
    response = connect().get(path, pageLimit=limit)
    assert response.status_code == 400
    assert "pageLimit" in response.json()["message"]


def encoded(**content):
    return base64.b64encode(json.dumps(content).encode()).decode()


@pytest.mark.parametrize(
    "key",
    [
        "",
        "x",
        "!!!!",
        "ÿ",
        encoded(),
        encoded(path="/v1/agents", place="1"),
        encoded(path="/v1/endusers", place=1),
    ],
)
def test_keys_that_no_page_gave_out(connect, key):
    response = connect().get("/v1/agents", pageKey=key)
    assert response.status_code == 400
    assert "pageKey" in response.json()["message"]

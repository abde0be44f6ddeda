"""Where the rows of both APIs are, and how they are sent and filtered.

What the tap asks for, and through which pages, its own tests show.
"""

import re

import pytest

from tests import expected
from tests.conftest import DAY, HOUR, NOON
from tests.end_to_end.everything import LISTED, LOG
from tests.faulty_sandbox import EXPORTS

CONVERSATIONS, MESSAGES = EXPORTS
LISTS = (
    *LISTED.values(),
    *("/v1/business-hours/schedules", "/v1/organization", "/v1/conversations/flows"),
)

pytestmark = pytest.mark.xdist_group("sandbox")


@pytest.fixture(scope="module")
def api(shared):
    return shared(conversations=200)


def span(field, start, end):
    return {f"{field}_after": start, f"{field}_before": end}


def test_every_list_is_the_same_in_both_versions_and_for_the_same_seed(connect):
    api, other, different = connect(), connect(), connect(seed=2)
    for path in LISTS:
        rows = api.data(path)
        assert rows == other.data(path) == api.data(path.replace("/v1", "/beta"))
        assert rows
        assert (rows == different.data(path)) == (path == "/v1/contact-endpoints")


def test_times_are_written_as_dixa_does(api):
    times = [row["activityTimestamp"] for row in api.everything(LOG, pageLimit=10_000)]
    times += [row["createdAt"] for row in api.data("/v1/custom-attributes")]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}(\.\d{1,3})?Z\[GMT\]", m) for m in times)
    assert {len(time) for time in times} >= {27, 28, 29}
    assert api.get("/v1/agents").headers["Date"] == "Wed, 11 Mar 2026 12:00:00 GMT"


def test_lists_end_and_link_in_different_ways(api):
    paged = ("/v1/agents", "/v1/endusers", LOG)
    links = [api.get(path, pageLimit=20).json()["meta"]["next"] for path in paged]
    for link, path in zip(
        links, ("/v1/agents", f"{api.sandbox.url}/v1/endusers", LOG), strict=True
    ):
        assert link.startswith(f"{path}?pageLimit=20&pageKey=")
    assert api.get("/beta/agents", pageLimit=9).json()["meta"]["next"].startswith("/beta/agents?")
    whole = [api.get(path, pageLimit=1000).json() for path in paged]
    assert [response.get("meta") for response in whole[:2]] == [None, {}]


def test_deactivated_tags_are_hidden_unless_they_are_requested(api):
    active, every = api.by_id("/v1/tags"), api.by_id("/v1/tags", includeDeactivated="true")
    assert active == {key: row for key, row in every.items() if row["state"] == "Active"}
    assert len(every) == len(active) + 2


def test_pages_do_not_shift_when_rows_go_or_come(connect):
    api = connect(late=6 * HOUR)
    agents, before = api.everything("/v1/agents"), api.everything(LOG)
    first, log = api.get("/v1/agents", pageLimit=10).json(), api.get(LOG).json()
    for gone in (agents[3], agents[10]):
        api.sandbox.data.directory.remove(gone["id"])
    api.sandbox.data.now.now += 6 * HOUR
    assert api.data(first["meta"]["next"]) == agents[11:21]
    assert log["data"] + api.everything(log["meta"]["next"]) == before
    assert len(api.everything(LOG)) > len(before)


@pytest.mark.parametrize("field", ["created", "updated", "closed", "last_message_created"])
def test_every_pair_filters_by_its_own_time(api, field):
    start, end = NOON - 20 * DAY, NOON - 10 * DAY
    found = api.get(CONVERSATIONS, **span(field, start, end)).json()
    everything = expected.source(api.sandbox.data, "conversations")
    wanted = {k for k, row in everything.items() if start <= (row.get(f"{field}_at") or 0) <= end}
    assert {record["id"] for record in found} == wanted != set()


def test_responses_are_chunked_and_compressed_on_request(api):
    query = span("created", NOON - 31 * DAY, NOON)
    plain, packed = (
        api.get(MESSAGES, headers={"Accept-Encoding": encoding}, **query)
        for encoding in ("identity", "gzip")
    )
    assert plain.headers["Transfer-Encoding"] == packed.headers["Transfer-Encoding"] == "chunked"
    assert plain.headers.get("Content-Encoding") is None
    assert packed.headers["Content-Encoding"] == "gzip"
    assert plain.json() == packed.json()

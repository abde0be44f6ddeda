"""Where the rows of both APIs are, and how they are sent and filtered.

What the tap asks for, and through which pages, its own tests show.
"""

import re

import pytest

from tests import expected
from tests.conftest import DAY, NOON
from tests.end_to_end.everything import LOG
from tests.faulty_sandbox import EXPORTS

CONVERSATIONS, MESSAGES = EXPORTS

pytestmark = pytest.mark.xdist_group("sandbox")


@pytest.fixture(scope="module")
def api(shared):
    return shared(conversations=200)


def span(field, start, end):
    return {f"{field}_after": start, f"{field}_before": end}


def test_times_are_written_as_dixa_does(api):
    times = [row["activityTimestamp"] for row in api.everything(LOG, pageLimit=10_000)]
    times += [row["createdAt"] for row in api.data("/v1/custom-attributes")]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}(\.\d{1,3})?Z\[GMT\]", m) for m in times)
    assert {len(time) for time in times} >= {27, 28, 29}
    assert api.get("/v1/agents").headers["Date"] == "Wed, 11 Mar 2026 12:00:00 GMT"


def test_deactivated_tags_are_hidden_unless_they_are_requested(api):
    active, every = api.by_id("/v1/tags"), api.by_id("/v1/tags", includeDeactivated="true")
    assert active == {key: row for key, row in every.items() if row["state"] == "Active"}
    assert len(every) == len(active) + 2


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

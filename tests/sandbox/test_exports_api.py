from __future__ import annotations

import pytest

from tap_dixa_sandbox.filters import Bounds
from tests import expected
from tests.conftest import DAY, NOON

CONVERSATIONS, MESSAGES = "/v1/conversation_export", "/v1/message_export"

pytestmark = pytest.mark.xdist_group("exports")


@pytest.fixture(scope="module")
def api(shared):
    return shared()


def span(field, start, end):
    return {f"{field}_after": start, f"{field}_before": end}


@pytest.mark.parametrize("field", ["created", "updated", "closed", "last_message_created"])
def test_every_pair_filters_by_its_own_time(api, field):
    start, end = NOON - 20 * DAY, NOON - 10 * DAY
    found = api.get(CONVERSATIONS, **span(field, start, end)).json()
    everything = expected.source(api.sandbox.data, "conversations")
    wanted = {k for k, row in everything.items() if start <= (row.get(f"{field}_at") or 0) <= end}
    assert {record["id"] for record in found} == wanted != set()


def test_days_are_midnights_in_utc(api):
    by_day = api.get(MESSAGES, **span("created", "2026-03-01", "2026-03-03")).json()
    midnight = expected.milliseconds("2026-03-01T00:00:00.000Z")
    by_time = api.get(MESSAGES, **span("created", midnight, midnight + 2 * DAY)).json()
    assert by_day == by_time != []


def test_conversations_by_id(api):
    ids = list(expected.source(api.sandbox.data, "conversations"))[:3]
    found = api.get(CONVERSATIONS, csids=",".join(map(str, ids))).json()
    assert sorted(record["id"] for record in found) == sorted(ids)


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("before", [True, False])
def test_bounds_are_as_set(connect, after, before):
    api = connect(bounds=Bounds(after, before))
    records = expected.source(api.sandbox.data, "conversations").values()
    times = sorted(record["updated_at"] for record in records)
    found = api.get(CONVERSATIONS, **span("updated", times[10], times[50])).json()
    found = {record["updated_at"] for record in found}
    assert (times[10] in found, times[11] in found, times[50] in found) == (after, True, before)


def test_responses_are_chunked_and_compressed_on_request(api):
    query = span("created", NOON - 31 * DAY, NOON)
    plain, packed = (
        api.get_with(MESSAGES, {"Accept-Encoding": encoding}, **query)
        for encoding in ("identity", "gzip")
    )
    assert plain.headers["Transfer-Encoding"] == packed.headers["Transfer-Encoding"] == "chunked"
    assert plain.headers.get("Content-Encoding") is None
    assert packed.headers["Content-Encoding"] == "gzip"
    assert plain.json() == packed.json()

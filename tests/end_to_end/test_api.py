"""Every stream of the Dixa API, field by field."""

from collections import Counter

import pytest

from tests import expected
from tests.conftest import HOUR, NOON
from tests.end_to_end import checks
from tests.end_to_end.everything import ALL, BY_CONVERSATION, entries, rows
from tests.end_to_end.loaded import all_exported
from tests.faults import BrokenResponse, Refusal, page_of

LOG = "activity_logs"


def log_is_in_order(run):
    """The log came in the order of its times, to its bookmark; give the times."""
    times = [record["activityTimestamp"] for record in run.records(LOG)]
    assert times == sorted(times)
    assert run.bookmark(LOG) == times[-1]
    return times


def test_every_stream_field_by_field_through_pages_and_faults(account_of):
    account = account_of(*ALL, conversations=500, days=20)
    account.behaviour.api_faults.extend(
        [
            *(None, Refusal(429), None, BrokenResponse("hangup", 500)),
            *(None, None, Refusal(200, body="{["), *[None] * 43, Refusal(429)),
        ]
    )
    run = account.synced()
    assert not account.behaviour.api_faults
    assert any("/knowledge/" in path for path, _, status in account.answered if status == 429)
    wanted = rows(account.sandbox)
    until = expected.iso(NOON + 3 * HOUR)
    assert all(record["activityTimestamp"] < until for record in wanted[LOG])
    for stream, records in wanted.items():
        assert records
        checks.emitted_once(run, stream, records)
    all_exported(run, account.data)
    log_is_in_order(run)
    pages = Counter(path for path, query, _ in account.answered if "pageKey" in query)
    assert pages["/v1/endusers"] >= 1
    assert pages["/v1/templates"] == 1
    assert pages["/v1/knowledge/collections"] == 3  # for three streams
    assert BY_CONVERSATION.keys().isdisjoint(m.get("stream") for m in run.messages)


@pytest.mark.parametrize(
    "order",
    [
        pytest.param("ascending", marks=pytest.mark.slow),
        pytest.param("descending", marks=pytest.mark.slow),
        "shuffled",
    ],
)
def test_the_log_is_emitted_in_order_whatever_order_dixa_has(account_of, order):
    config, late = {"window_days": 2}, 300_000
    account = account_of(
        LOG, config=config, conversations=90, days=4, activity_order=order, late=late
    )
    log_is_in_order(first := account.synced())
    checks.emitted_once(first, LOG, entries(account.sandbox).values())
    account.wait()
    times = log_is_in_order(account.synced())
    account.is_fresh()
    assert len(times) < len(entries(account.sandbox)) / 3


def test_the_log_is_in_order_over_all_pages_of_a_window(account_of):
    account = account_of(LOG, days=10)
    listed = [
        {"id": f"{n}", "conversationId": n, "activityTimestamp": expected.iso(NOON - n * HOUR)}
        for n in (3, 7, 1, 8, 2, 6)
    ]
    account.behaviour.api_faults.extend([page_of(listed[:3], "?pageKey=x"), page_of(listed[3:])])
    assert [r["conversationId"] for r in account.synced().records(LOG)] == [8, 7, 6, 3, 2, 1]
    assert [query.get("pageKey") for _, query, _ in account.answered] == [None, "x"]

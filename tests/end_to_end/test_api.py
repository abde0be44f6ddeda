"""Every stream of the Dixa API, field by field."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests import expected
from tests.conftest import HOUR, NOON, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import ALL, BY_CONVERSATION, rows
from tests.end_to_end.loaded import all_exported
from tests.end_to_end.refreshed import entries, log_is_fresh
from tests.faults import BrokenResponse, Refusal


def test_every_stream_field_by_field_through_pages_and_faults(serve, run_tap, evidence):
    sandbox = serve(conversations=500, days=20)
    sandbox.behaviour.api_faults.extend(
        [
            None,
            Refusal(429),
            None,
            BrokenResponse("hangup", 500),
            None,
            None,
            Refusal(200, body="{["),
            *[None] * 43,
            Refusal(429),
        ]
    )
    run = checks.succeeded(run_tap(settings(sandbox), catalog=catalog(*ALL)))
    assert not sandbox.behaviour.api_faults
    assert any("/knowledge/" in path for path, _, status in sandbox.answered if status == 429)
    wanted = rows(sandbox)
    until = expected.iso(NOON + 3 * HOUR)
    assert all(record["activityTimestamp"] < until for record in wanted["activity_logs"])
    for stream, records in wanted.items():
        assert records
        checks.emitted_once(run, stream, records)
    all_exported(run, sandbox.data)
    pages = Counter(path for path, query, _ in sandbox.answered if "pageKey" in query)
    assert pages["/v1/endusers"] >= 1
    assert pages["/v1/templates"] == 1
    assert pages["/v1/knowledge/collections"] == 3  # for three streams
    times = [record["activityTimestamp"] for record in run.records("activity_logs")]
    assert times == sorted(times)
    assert run.bookmark("activity_logs") == times[-1]
    assert BY_CONVERSATION.keys().isdisjoint(m.get("stream") for m in run.messages)
    evidence("streams of the Dixa API compared field by field", len(wanted))


@pytest.mark.parametrize(
    "order",
    [
        pytest.param("ascending", marks=pytest.mark.slow),
        pytest.param("descending", marks=pytest.mark.slow),
        "shuffled",
    ],
)
def test_the_log_is_emitted_in_order_whatever_order_dixa_has(serve, run_tap, order):
    sandbox = serve(conversations=90, days=4, activity_order=order, late=300_000)
    config, chosen = settings(sandbox, window_days=2), catalog("activity_logs")
    first = checks.succeeded(run_tap(config, catalog=chosen))
    checks.emitted_once(first, "activity_logs", entries(sandbox).values())
    sandbox.data.now.now += HOUR
    second = checks.succeeded(run_tap(config, catalog=chosen, state=first.state))
    log_is_fresh(sandbox, first, second)
    for run in (first, second):
        times = [record["activityTimestamp"] for record in run.records("activity_logs")]
        assert times == sorted(times)
    assert len(times) < len(entries(sandbox)) / 3


def test_the_log_is_in_order_over_all_pages_of_a_window(serve, run_tap):
    sandbox = serve(days=10)
    listed = [
        {"id": f"{n}", "conversationId": n, "activityTimestamp": expected.iso(NOON - n * HOUR)}
        for n in (3, 7, 1, 8, 2, 6)
    ]
    bodies = ({"data": listed[:3], "meta": {"next": "?pageKey=x"}}, {"data": listed[3:]})
    sandbox.behaviour.api_faults.extend(Refusal(200, body=json.dumps(body)) for body in bodies)
    run = checks.succeeded(run_tap(settings(sandbox), catalog=catalog("activity_logs")))
    assert [r["conversationId"] for r in run.records("activity_logs")] == [8, 7, 6, 3, 2, 1]
    assert [query.get("pageKey") for _, query, _ in sandbox.answered] == [None, "x"]

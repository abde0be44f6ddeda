"""The search for erased data costs requests only where it can find something."""

from __future__ import annotations

from copy import deepcopy

import pytest

from tests import expected
from tests.conftest import DAY, HOUR, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.anonymized import anonymize, redact
from tests.end_to_end.refreshed import LOG


def test_what_an_hourly_run_costs_without_and_with_erasure(serve, run_tap, evidence):
    sandbox = serve(conversations=200, days=25)
    chosen = catalog("conversations", "messages", "activity_logs")
    config = settings(sandbox, end_date=expected.iso(sandbox.data.now() + 4 * HOUR))
    state, costs = None, []
    for erase in (None, None, anonymize, redact):
        if erase is None:
            sandbox.data.now.now += HOUR
        else:
            erase(sandbox)
        before = len(sandbox.answered)
        run = checks.succeeded(run_tap(config, catalog=chosen, state=state))
        state = run.state
        paths = [path for path, _, _ in sandbox.answered[before:]]
        one = sum(path.startswith("/v1/conversations/") and path != LOG for path in paths)
        costs.append((sum(path.endswith("_export") for path in paths), paths.count(LOG), one))
    # Requests to the Exports API, pages of the log, and requests about one conversation.
    assert costs == [(2, 1, 0), (4, 2, 0), (5, 2, 3), (6, 2, 0)]
    evidence("requests of an hourly run without erasure", sum(costs[1]))


def full_table():
    chosen = deepcopy(catalog("messages"))
    chosen["streams"][0]["replication_method"] = "FULL_TABLE"
    return chosen


def bookmark(milliseconds):
    value = expected.iso(milliseconds)
    mark = {"replication_key": "created_at", "replication_key_value": value}
    return {"bookmarks": {"messages": mark}}


@pytest.mark.parametrize(
    ("chosen", "days_after_the_start"),
    [(full_table(), 1), (full_table(), -30), (catalog("messages"), -30)],
    ids=["FULL_TABLE", "FULL_TABLE, a bookmark before start_date", "a bookmark before start_date"],
)
def test_nothing_is_searched_for_when_all_messages_are_exported_anyway(
    serve, run_tap, chosen, days_after_the_start
):
    sandbox = serve(conversations=60, days=30)
    state = bookmark(sandbox.data.start + days_after_the_start * DAY)
    run = checks.succeeded(run_tap(settings(sandbox, window_days=6), catalog=chosen, state=state))
    assert {record["id"] for record in run.records("messages")} == {
        *expected.records(sandbox.data, "messages")
    }
    assert checks.requests(sandbox, "conversations") == []


def test_it_is_searched_for_after_a_bookmark(serve, run_tap):
    sandbox = serve(conversations=60, days=30)
    state = bookmark(sandbox.data.start + 12 * DAY)
    run = run_tap(settings(sandbox, window_days=6), catalog=catalog("messages"), state=state)
    checks.succeeded(run)
    assert len(checks.requests(sandbox, "conversations")) == len(
        [line for line in run.log.splitlines() if "messages: window" in line]
    )
